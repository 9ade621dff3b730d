import { wrk } from "../loads/wrk.ts";
import { cpuPerPiece, type Row } from "../row.ts";

export const twoWorkersRow: Row = {
  name: "two-workers",
  what: "HTTP/1.1, keep-alive, small answers, two workers",
  unit: "µs CPU per request",
  goals: { nginx: 1.2 },
  beside: { row: "small", as: "one worker", most: 1.1 },
  setup: { workers: 2, logs: false },
  measure: (contender, _scene, seconds) =>
    cpuPerPiece(contender, () => wrk(contender, "/small", { connections: 64, seconds })),
};
