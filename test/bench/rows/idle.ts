import { once } from "node:events";
import { connect, type TLSSocket } from "node:tls";
import { memoryOf } from "../process-tree.ts";
import type { Row } from "../row.ts";
import { HOST } from "../scene.ts";

const CONNECTIONS = 1_000;
const AT_ONCE = 50;
const KIB = 1_024;

/** Memory of all processes, before and with so many connections that have had one answer and rest. */
export const idleRow: Row = {
  name: "idle",
  what: "idle TLS connection",
  unit: "KiB (PSS)",
  goals: {},
  most: 48,
  setup: { workers: 1, logs: false },
  isFresh: true, // memory that was taken once stays taken
  measure: async ({ port, pid }) => {
    const before = memoryOf(pid);
    const open: TLSSocket[] = [];
    while (open.length < CONNECTIONS) {
      open.push(...(await Promise.all(Array.from({ length: AT_ONCE }, () => restingAt(port)))));
    }
    const held = memoryOf(pid) - before;
    for (const socket of open) socket.destroy();
    return held / KIB / CONNECTIONS;
  },
};

async function restingAt(port: number): Promise<TLSSocket> {
  const socket = connect({ host: "127.0.0.1", port, servername: HOST, rejectUnauthorized: false });
  await once(socket, "secureConnect");
  socket.write(`GET /small HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
  await once(socket, "data");
  return socket;
}
