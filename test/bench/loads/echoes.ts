/**
 * Messages of 1 KiB over 32 WebSockets, each sent when the one before it has come back: `echoes.ts URL SECONDS`.
 * Prints how many came back.
 */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import WebSocket from "ws";

const [url = "", seconds] = process.argv.slice(2);
const SOCKETS = 32;
const message = randomBytes(1_024);
let count = 0;

const sockets = await Promise.all(
  Array.from({ length: SOCKETS }, async () => {
    const socket = new WebSocket(url, { rejectUnauthorized: false, perMessageDeflate: false });
    await once(socket, "open");
    return socket;
  }),
);
for (const socket of sockets) {
  socket.on("message", () => {
    count += 1;
    socket.send(message);
  });
  socket.send(message);
}
await new Promise((resolve) => setTimeout(resolve, Number(seconds) * 1_000));
process.stdout.write(`${count}\n`);
process.exit();
