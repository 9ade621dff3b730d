import { join } from "node:path";
import { cpuPerPiece, type Row } from "../row.ts";
import { HOST, runLoad } from "../scene.ts";

export const webSocketRow: Row = {
  name: "websocket",
  what: "WebSocket, echo of 1 KiB",
  unit: "µs CPU per message",
  goals: { nginx: 1.1 },
  hasFloor: true,
  setup: { workers: 1, logs: false },
  measure: ({ port, ...contender }, _scene, seconds) => {
    const file = join(import.meta.dirname, "../loads/echoes.ts");
    const url = `wss://${HOST}:${port}/sink`;
    return cpuPerPiece({ port, ...contender }, () =>
      Number(runLoad(process.execPath, [file, url, `${seconds}`])),
    );
  },
};
