import { freePort } from "../../support/free-port.ts";
import { HOST, OTHER_HOSTS } from "../scene.ts";
import { type Maker, SINK_PREFIX, whenReady } from "./contender.ts";

/** The program as a user runs it, with every check on. */
export const latchkey: Maker = {
  name: "Latchkey",
  needs: undefined,
  version: ["sh", "src/latchkey.sh", "--version"],
  async start(scene, { workers, logs }) {
    const port = await freePort();
    const storage = scene.makeFolder(`storage-${port}`);
    const entry = `{ to: "http://127.0.0.1:${scene.filesPort}", maxBody: 1GiB,
    certificate: { chain: ${scene.chain}, key: ${scene.key} },
    paths: { ${SINK_PREFIX}: { to: "http://127.0.0.1:${scene.sinkPort}", maxBody: 1GiB } } }`;
    const file = scene.write(
      `latchkey-${port}.yaml`,
      `listen: { https: ["127.0.0.1:${port}"], http: [] }
storage: ${storage}
workers: ${workers}
log: { level: warn, access: ${logs ? scene.path("latchkey.log") : "off"} }
limits: { requestsPerConnectionMax: 1000000, connectionsMax: 100000, connectionsPerClientMax: 100000 }
hosts:
${[HOST, ...OTHER_HOSTS].map((host) => `  ${host}: ${entry}`).join("\n")}
`,
    );
    const child = scene.start(workers, "sh", ["src/latchkey.sh", "run", "--config", file]);
    return await whenReady("Latchkey", port, child);
  },
};
