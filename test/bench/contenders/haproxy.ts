import { readFileSync } from "node:fs";
import { freePort } from "../../support/free-port.ts";

import { type Maker, SINK_PREFIX, whenReady } from "./contender.ts";

/** HAProxy writes its log to a socket or to its standard output: the latter, into a file. */
export const haproxy: Maker = {
  name: "HAProxy",
  needs: "haproxy",
  version: ["haproxy", "-v"],
  async start(scene, { workers, logs }) {
    const port = await freePort();
    const pem = scene.write(
      "haproxy.pem",
      readFileSync(scene.chain, "utf8") + readFileSync(scene.key, "utf8"),
    );
    const file = scene.write(
      "haproxy.cfg",
      `global
  nbthread ${workers}
  ${logs ? "log stdout format raw local0" : ""}
  ssl-default-bind-options ssl-min-ver TLSv1.3
  maxconn 8000
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout tunnel 60s
  ${logs ? "log global\n  option httplog" : ""}
frontend tls
  bind 127.0.0.1:${port} ssl crt ${pem} alpn h2,http/1.1
  option forwardfor
  http-request set-header X-Forwarded-Proto https
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  http-request set-header X-Real-IP %[src]
  unique-id-format %{+X}o\\ %ci:%cp_%fi:%fp_%Ts_%rt:%pid
  unique-id-header X-Request-Id
  use_backend sink if { path_beg ${SINK_PREFIX} }
  default_backend files
backend files
  http-reuse always
  server one 127.0.0.1:${scene.filesPort}
backend sink
  http-reuse always
  server one 127.0.0.1:${scene.sinkPort}
`,
    );
    const command = `exec haproxy -db -f "$0"${logs ? ` > "${scene.path("haproxy.log")}"` : ""}`;
    const child = scene.start(workers, "sh", ["-c", command, file]);
    return await whenReady("HAProxy", port, child);
  },
};
