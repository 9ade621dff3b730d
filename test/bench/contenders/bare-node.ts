import { join } from "node:path";
import { freePort } from "../../support/free-port.ts";
import { type Maker, whenReady } from "./contender.ts";

/** See `../bare-node.ts`: a floor to stand beside, no peer. It has one process, whatever the setup. */
export const bareNode: Maker = {
  name: "bare Node.js",
  needs: undefined,
  version: [process.execPath, "--version"],
  async start(scene) {
    const port = await freePort();
    const file = join(import.meta.dirname, "../bare-node.ts");
    const args = [port, scene.chain, scene.key, scene.filesPort, scene.sinkPort].map(String);
    return await whenReady("bare Node.js", port, scene.start(1, process.execPath, [file, ...args]));
  },
};
