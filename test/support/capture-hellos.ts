/**
 * Prints the ClientHellos of the TLS clients of this machine, base64 by name, as
 * test/support/hello-bytes.json keeps them:
 * `node test/support/capture-hellos.ts > test/support/hello-bytes.json`
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import net, { type AddressInfo, type Socket } from "node:net";
import tls, { type ConnectionOptions } from "node:tls";
import { readClientHello } from "../../src/connection/client-hello.ts";

const NAME = "shop.example";

const server = net.createServer().listen(0, "127.0.0.1");
await once(server, "listening");
const { port } = server.address() as AddressInfo;
const at = `127.0.0.1:${port}`;
const url = `https://${NAME}:${port}/`;
const openssl = ["s_client", "-connect", at, "-servername", NAME];

const hellos = {
  node: await captured(() => node({ ALPNProtocols: ["h2", "http/1.1"] })),
  "node, TLS 1.2": await captured(() => node({ maxVersion: "TLSv1.2" })),
  openssl: await captured(() => run("openssl", [...openssl, "-alpn", "http/1.1"])),
  "openssl, TLS 1.2": await captured(() => run("openssl", [...openssl, "-tls1_2"])),
  "openssl, TLS 1.3": await captured(() => run("openssl", [...openssl, "-tls1_3"])),
  curl: await captured(() => run("curl", ["-sk", "--resolve", `${NAME}:${port}:127.0.0.1`, url])),
};
process.stdout.write(`${JSON.stringify(hellos, undefined, 2)}\n`);
server.close();

function node(options: ConnectionOptions): () => void {
  const socket = tls.connect({ port, host: "127.0.0.1", servername: NAME, ...options });
  socket.on("error", () => socket.destroy());
  return () => socket.destroy();
}

function run(command: string, args: readonly string[]): () => void {
  const child = spawn(command, args, { stdio: ["pipe", "ignore", "ignore"] });
  return () => child.kill();
}

async function captured(start: () => () => void): Promise<string> {
  const stop = start();
  const [socket]: Socket[] = await once(server, "connection");
  let bytes = Buffer.alloc(0);
  for await (const chunk of socket ?? []) {
    bytes = Buffer.concat([bytes, chunk]);
    if (readClientHello(bytes).kind === "complete") break;
  }
  stop();
  return bytes.toString("base64");
}
