import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { connect, type TLSSocket } from "node:tls";
import { memoryOf } from "../process-tree.ts";
import type { Row } from "../row.ts";
import { HOST } from "../scene.ts";

/** What is taken once, by the first of them: code that is compiled, pages of the binary. */
const FIRST = 1_000;
const MORE = 2_000;
const AT_ONCE = 50;
const KIB = 1_024;

/** What starts and handshakes leave behind has gone by then, as far as it goes by itself: V8 takes half a minute. */
const REST_MS = 35_000;

/** What one more takes: memory of all processes with so many connections that have had one answer and rest, and with more. */
export const idleRow: Row = {
  name: "idle",
  what: "idle TLS connection",
  unit: "KiB (PSS)",
  goals: {},
  most: 48,
  setup: { workers: 1, logs: false },
  isFresh: true, // memory that was taken once stays taken
  rounds: 1,
  measure: async ({ port, pid }) => {
    const open: TLSSocket[] = [];
    const memoryWith = async (count: number): Promise<number> => {
      while (open.length < count) {
        open.push(...(await Promise.all(Array.from({ length: AT_ONCE }, () => restingAt(port)))));
      }
      await delay(REST_MS);
      return memoryOf(pid);
    };
    const before = await memoryWith(FIRST);
    const held = (await memoryWith(FIRST + MORE)) - before;
    for (const socket of open) socket.destroy();
    return held / KIB / MORE;
  },
};

async function restingAt(port: number): Promise<TLSSocket> {
  const socket = connect({ host: "127.0.0.1", port, servername: HOST, rejectUnauthorized: false });
  await once(socket, "secureConnect");
  socket.write(`GET /small HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
  await once(socket, "data");
  return socket;
}
