/**
 * TLS connections, each of which has had one answer and rests: `held.ts PORT NAME COUNT`. Prints a line when all are
 * there, and lets go of them when its standard input ends. Fails when one of them ends before that.
 */
import { once } from "node:events";
import { connect, type TLSSocket } from "node:tls";

const [port, servername = "", count] = process.argv.slice(2);
const AT_ONCE = 50;

let left = Number(count);
const open: TLSSocket[] = [];
await Promise.all(Array.from({ length: AT_ONCE }, openAll));
process.stdout.write(`${open.length}\n`);
await once(process.stdin.resume(), "end");
process.exit();

async function openAll(): Promise<void> {
  while (left > 0) {
    left -= 1;
    open.push(await resting());
  }
}

async function resting(): Promise<TLSSocket> {
  const options = { host: "127.0.0.1", port: Number(port), servername, rejectUnauthorized: false };
  const socket = connect(options);
  await once(socket, "secureConnect");
  socket.write(`GET / HTTP/1.1\r\nHost: ${servername}\r\n\r\n`);
  await once(socket, "data");
  socket.once("close", () => {
    process.stderr.write("Cannot hold a connection: it was closed\n");
    process.exit(1);
  });
  return socket;
}
