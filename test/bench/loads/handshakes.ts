/**
 * TLS handshakes, each with one request, sixteen at once, for so many seconds: `handshakes.ts PORT NAME SECONDS WAY`.
 * WAY: `full`; `resumed`, each with a ticket of a connection before; `refused`, where the alert is the answer.
 * Prints how many there were, how many of them offered a ticket, and how many were resumed.
 */
import { connect, type TLSSocket } from "node:tls";

const [port, servername = "", seconds, way] = process.argv.slice(2);
const AT_ONCE = 16;
/** How long the last of them may take. */
const PATIENCE_MS = 20_000;
/** What every OpenSSL knows, so that all contenders do the same sum: our own also takes X25519MLKEM768. */
const GROUP = "X25519";
const REQUEST = `GET /small HTTP/1.1\r\nHost: ${servername}\r\nConnection: close\r\n\r\n`;
const endsAt = performance.now() + Number(seconds) * 1_000;
let count = 0;
let offered = 0;
let resumed = 0;

setTimeout(
  () => {
    process.stderr.write("Cannot compare: a handshake or its answer does not come\n");
    process.exit(1);
  },
  Number(seconds) * 1_000 + PATIENCE_MS,
).unref();
await Promise.all(Array.from({ length: AT_ONCE }, again));
process.stdout.write(`${count} ${offered} ${resumed}\n`);

async function again(): Promise<void> {
  let session: Buffer | undefined;
  while (performance.now() < endsAt) {
    session = (await once(session)) ?? session;
    count += 1;
  }
}

/** One connection, to its end; the newest ticket that came with it. Node sends none with a resumed session. */
function once(session: Buffer | undefined): Promise<Buffer | undefined> {
  const ticketed = way === "resumed" && session !== undefined ? { session } : {};
  if ("session" in ticketed) offered += 1;
  const options = {
    ...{ host: "127.0.0.1", port: Number(port), servername, rejectUnauthorized: false },
    ecdhCurve: GROUP,
  };
  const { promise, resolve, reject } = Promise.withResolvers<Buffer | undefined>();
  const socket: TLSSocket = connect({ ...options, ...ticketed }, () => {
    if (socket.isSessionReused()) resumed += 1;
    socket.write(REQUEST);
  });
  let ticket: Buffer | undefined;
  socket.on("session", (fresh: Buffer) => {
    ticket = fresh;
  });
  socket.once("data", (answer: Buffer) => {
    if (!answer.toString("latin1").startsWith("HTTP/1.1 200")) reject(new Error(`${answer}`));
  });
  socket.on("error", (error) => {
    if (way === "refused") resolve(undefined);
    else reject(error);
  });
  socket.resume().once("close", () => resolve(ticket));
  return promise;
}
