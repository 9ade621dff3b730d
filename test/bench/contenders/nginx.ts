import { freePort } from "../../support/free-port.ts";
import { HOST, OTHER_HOSTS } from "../scene.ts";
import { type Maker, SINK_PREFIX, whenReady } from "./contender.ts";
import { nginxConfig } from "./nginx-config.ts";

export const nginx: Maker = {
  name: "nginx",
  needs: "nginx",
  version: ["nginx", "-v"],
  async start(scene, { workers, logs }) {
    const port = await freePort();
    const headers = `proxy_http_version 1.1; proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto https;
      proxy_set_header X-Forwarded-Host $http_host; proxy_set_header X-Real-IP $remote_addr;
      proxy_set_header X-Request-Id $request_id;`;
    const http = `access_log ${logs ? scene.path("nginx.log") : "off"}; proxy_max_temp_file_size 0;
      client_max_body_size 0; keepalive_requests 1000000; ssl_protocols TLSv1.3;
      ssl_certificate ${scene.chain}; ssl_certificate_key ${scene.key};
      map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
      upstream files { server 127.0.0.1:${scene.filesPort}; keepalive 128; keepalive_requests 1000000; }
      upstream sink { server 127.0.0.1:${scene.sinkPort}; keepalive 128; keepalive_requests 1000000; }
      server { listen 127.0.0.1:${port} ssl http2 reuseport; server_name ${[HOST, ...OTHER_HOSTS].join(" ")};
        location / { proxy_pass http://files; proxy_set_header Connection ""; ${headers} }
        location ${SINK_PREFIX} { proxy_pass http://sink; proxy_request_buffering off;
          proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade; ${headers} } }`;
    const folder = scene.makeFolder("nginx");
    const file = scene.write("nginx.conf", nginxConfig({ folder, workers, http }));
    const child = scene.start(workers, "nginx", ["-c", file, "-p", folder, "-e", "stderr"]);
    return await whenReady("nginx", port, child);
  },
};
