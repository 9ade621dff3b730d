import { freePort } from "../../support/free-port.ts";
import { HOST, OTHER_HOSTS } from "../scene.ts";
import { type Maker, SINK_PREFIX, whenReady } from "./contender.ts";

/** Caddy sets X-Forwarded-For, -Proto and -Host by itself. */
export const caddy: Maker = {
  name: "Caddy",
  needs: "caddy",
  version: ["caddy", "version"],
  async start(scene, { workers, logs }) {
    const port = await freePort();
    const headers =
      "header_up X-Real-IP {remote_host}\n    header_up X-Request-Id {http.request.uuid}";
    const file = scene.write(
      "Caddyfile",
      `{
  admin off
  auto_https off
  log default {
    level ERROR
  }
  servers {
    protocols h1 h2
  }
}
${[HOST, ...OTHER_HOSTS].map((host) => `https://${host}:${port}`).join(", ")} {
  bind 127.0.0.1
  tls ${scene.chain} ${scene.key} {
    protocols tls1.3
  }
  ${logs ? `log {\n    output file ${scene.path("caddy.log")}\n    level INFO\n  }` : ""}
  handle ${SINK_PREFIX}* {
    reverse_proxy 127.0.0.1:${scene.sinkPort} {
      ${headers}
    }
  }
  handle {
    reverse_proxy 127.0.0.1:${scene.filesPort} {
      ${headers}
    }
  }
}
`,
    );
    const home = scene.makeFolder("caddy");
    const env = {
      GOMAXPROCS: `${workers}`,
      HOME: home,
      XDG_DATA_HOME: home,
      XDG_CONFIG_HOME: home,
    };
    const child = scene.start(
      workers,
      "caddy",
      ["run", "--config", file, "--adapter", "caddyfile"],
      env,
    );
    return await whenReady("Caddy", port, child);
  },
};
