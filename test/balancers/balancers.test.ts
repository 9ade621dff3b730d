import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer as createHttpServer } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { makeCertificate } from "../support/certificates.ts";
import { freePort } from "../support/free-port.ts";
import { Latchkey } from "../support/latchkey.ts";
import { closeServer, listenAnywhere } from "../support/tls-door.ts";

/** HAProxy and nginx speak the PROXY protocol with us: in front of us, and behind us. */
const CLIENT = "127.0.0.9";
const OTHER_CLIENT = "127.0.0.10";
const BALANCER = "127.0.0.5";
const folder = await mkdtemp(join(tmpdir(), "latchkey-balancers-"));
const app = createHttpServer(({ headers }, response) => {
  response.end(`app sees ${headers["x-forwarded-for"]}`);
});
const appPort = await listenAnywhere(app);
const ports = {
  v1: await freePort(),
  v2: await freePort(),
  haproxy: await freePort(),
  nginx: await freePort(),
  plainHaproxy: await freePort(),
  plainNginx: await freePort(),
};
const { chain, key } = makeCertificate({ names: ["behind.localhost"] });
const pem = join(folder, "behind.pem");
await writeFile(pem, chain + key);

const latchkey = await Latchkey.start({
  listen: `listen: { https: ["127.0.0.1:0"], http: [], proxyProtocol: [${BALANCER}] }`,
  config: `
workers: 1
hosts:
  shop.localhost: ${appPort}
  haproxy-v1.localhost: { passThrough: { to: "127.0.0.1:${ports.haproxy}", proxyProtocol: v1 } }
  haproxy-v2.localhost: { passThrough: { to: "127.0.0.1:${ports.haproxy}", proxyProtocol: v2 } }
  nginx-v1.localhost: { passThrough: { to: "127.0.0.1:${ports.nginx}", proxyProtocol: v1 } }
  nginx-v2.localhost: { passThrough: { to: "127.0.0.1:${ports.nginx}", proxyProtocol: v2 } }
${toldHosts()}
`,
});
await writeFile(join(folder, "haproxy.cfg"), haproxyConfig(latchkey.httpsPort));
await writeFile(join(folder, "nginx.conf"), nginxConfig());
const peers = [
  spawn("haproxy", ["-db", "-f", join(folder, "haproxy.cfg")], { stdio: "ignore" }),
  spawn("nginx", ["-c", join(folder, "nginx.conf")], {
    stdio: "ignore",
    env: { ...process.env, PATH: `${process.env["PATH"]}:/usr/sbin` },
  }),
];
after(async () => {
  await Promise.all(peers.map(end));
  await latchkey[Symbol.asyncDispose]();
  await closeServer(app);
  await rm(folder, { recursive: true, force: true });
});
const isCertified = () => latchkey.count("certificate.swapped") === 13;
await Promise.all([
  latchkey.event("certificate.swapped", isCertified),
  ...Object.values(ports).map(isOpen),
]);

for (const version of ["v1", "v2"] as const) {
  test(`behind HAProxy with send-proxy (${version}) the app sees the client`, async () => {
    assert.equal(await curl("shop.localhost", ports[version]), `app sees ${CLIENT}`);
  });

  for (const peer of ["haproxy", "nginx"] as const) {
    test(`${peer} behind us, told by ${version}, sees the client, also of one behind HAProxy`, async () => {
      const host = `${peer}-${version}.localhost`;
      const [direct, behind] = [latchkey.httpsPort, ports.v2];
      assert.equal(await curl(host, direct), `${peer} sees ${CLIENT}`);
      assert.equal(await curl(host, behind), `${peer} sees ${CLIENT}`);
    });
  }
}

for (const peer of ["haproxy", "nginx"] as const) {
  for (const scheme of ["http", "https", "tcp"] as const) {
    for (const version of ["v1", "v2"] as const) {
      test(`${peer} as a backend by ${scheme}, told by ${version}, sees each client`, async () => {
        const host = `${peer}-${scheme}-${version}.localhost`;
        assert.equal(await curl(host, latchkey.httpsPort), `${peer} sees ${CLIENT}`);
        assert.equal(await curl(host, ports.v2, OTHER_CLIENT), `${peer} sees ${OTHER_CLIENT}`);
      });
    }
  }
}

/** A host for each way to a backend that wants a PROXY header. */
function toldHosts(): string {
  const lines = [];
  for (const version of ["v1", "v2"]) {
    for (const [peer, secured, plain] of [
      ["haproxy", ports.haproxy, ports.plainHaproxy],
      ["nginx", ports.nginx, ports.plainNginx],
    ] as const) {
      const backend = `backend: { proxyProtocol: ${version}`;
      lines.push(
        `  ${peer}-http-${version}.localhost: { to: "http://127.0.0.1:${plain}", ${backend} } }`,
        `  ${peer}-tcp-${version}.localhost: { to: "tcp://127.0.0.1:${plain}", ${backend} } }`,
        `  ${peer}-https-${version}.localhost: { to: "https://127.0.0.1:${secured}", ${backend}, verify: off } }`,
      );
    }
  }
  return lines.join("\n");
}

async function curl(host: string, port: number, client = CLIENT): Promise<string> {
  const to = ["--interface", client, "--connect-to", `::127.0.0.1:${port}`];
  const { stdout } = await promisify(execFile)("curl", [
    "-sSk",
    "--max-time",
    "20",
    ...to,
    `https://${host}/`,
  ]);
  return stdout;
}

function haproxyConfig(edge: number): string {
  return `defaults
  mode tcp
  timeout connect 5s
  timeout client 20s
  timeout server 20s
listen v1
  bind 127.0.0.1:${ports.v1}
  server edge 127.0.0.1:${edge} send-proxy source ${BALANCER}
listen v2
  bind 127.0.0.1:${ports.v2}
  server edge 127.0.0.1:${edge} send-proxy-v2 proxy-v2-options crc32c,unique-id source ${BALANCER}
frontend behind
  mode http
  bind 127.0.0.1:${ports.haproxy} accept-proxy ssl crt ${pem}
  bind 127.0.0.1:${ports.plainHaproxy} accept-proxy
  http-request return status 200 content-type text/plain lf-string "haproxy sees %[src]"
`;
}

function nginxConfig(): string {
  return `daemon off;
pid ${join(folder, "nginx.pid")};
error_log ${join(folder, "nginx.log")};
events {}
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  server {
    listen 127.0.0.1:${ports.nginx} ssl proxy_protocol;
    listen 127.0.0.1:${ports.plainNginx} proxy_protocol;
    ssl_certificate ${pem};
    ssl_certificate_key ${pem};
    location / { return 200 "nginx sees $proxy_protocol_addr"; }
  }
}
`;
}

/** Resolves when something listens there. */
async function isOpen(port: number): Promise<void> {
  for (;;) {
    const socket = connect({ port, host: "127.0.0.1" });
    const opened = await once(socket, "connect").then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (opened) return;
    if (peers.some(({ exitCode }) => exitCode !== null)) throw new Error("A peer has ended");
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  await exited;
}
