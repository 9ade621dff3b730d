/**
 * The relay alone, behind TLS, as a process of its own for `relay.ts` to measure. Arguments: the port
 * of the backend, and the files of chain and key. Prints its port.
 */
import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:tls";
import { systemNames } from "../../src/backend/system-names.ts";
import { systemClock } from "../../src/base/clock.ts";
import { createLog } from "../../src/base/log.ts";
import { modernTls } from "../../src/connection/handshake.ts";
import { Relay } from "../../src/http/relay.ts";
import { forwardTo, hostname, hostRoute, httpBackend } from "../support/relay-world.ts";

const [backendPort, chain = "", key = ""] = process.argv.slice(2);
const host = hostname("localhost");
const route = hostRoute("localhost", forwardTo([httpBackend(Number(backendPort))]));
const log = createLog({ level: "warn", format: "json", process: "bench" });
const relay = new Relay({
  names: systemNames(log),
  hosts: [],
  place: { index: 0, of: 1 },
  log,
  clock: systemClock,
  findRoute: () => route,
  isTrustedProxy: () => false,
  publicHttpsPort: 443,
  access: undefined,
});
const server = createServer(
  { ...modernTls, cert: readFileSync(chain), key: readFileSync(key), ALPNProtocols: ["http/1.1"] },
  (socket) => {
    relay.serve({
      protocol: "http/1.1",
      socket,
      host,
      route,
      certifiedNames: ["localhost"],
      clientAddress: socket.remoteAddress ?? "",
    });
  },
);
server.listen(0, "127.0.0.1", () => {
  // A listening TCP server's address is never a path.
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`${port}\n`);
});
process.once("SIGTERM", () => process.exit(0));
