/**
 * The services behind every contender, as a process of its own: nginx for what is read, and for uploads (read to
 * the end, and counted) and WebSockets (echoed) this process. Prints the ports of both, and ends with SIGTERM.
 */

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WebSocketServer } from "ws";
import { freePort } from "../support/free-port.ts";
import { listenAnywhere } from "../support/tls-door.ts";
import { nginxConfig } from "./contenders/nginx-config.ts";

const SIZES = { small: 100, "64k": 65_536, "10m": 10_485_760 } as const;

const folder = mkdtempSync(join(tmpdir(), "latchkey-bench-backend-"));
for (const [name, bytes] of Object.entries(SIZES))
  writeFileSync(join(folder, name), "x".repeat(bytes));
const port = await freePort();
const site = `server { listen 127.0.0.1:${port}; location / { root ${folder}; default_type text/plain; } }`;
const config = join(folder, "nginx.conf");
writeFileSync(
  config,
  nginxConfig({
    folder,
    workers: 1,
    http: `access_log off; sendfile on; keepalive_requests 1000000; ${site}`,
  }),
);
const nginx = spawn("nginx", ["-c", config, "-p", folder, "-e", "stderr"], {
  stdio: ["ignore", "ignore", "inherit"],
});

const sink = createServer((request, response) => {
  request.resume().on("end", () => response.writeHead(204).end());
});
new WebSocketServer({ server: sink }).on("connection", (socket) => {
  socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
  socket.on("error", () => {});
});
process.stdout.write(`${port} ${await listenAnywhere(sink)}\n`);

process.once("SIGTERM", () => {
  nginx.once("exit", () => {
    rmSync(folder, { recursive: true });
    process.exit();
  });
  nginx.kill("SIGTERM");
});
