import { h2load } from "../loads/h2load.ts";
import { cpuPerPiece, type Row } from "../row.ts";

const REQUESTS_PER_SECOND = 6_000;

export const http2Row: Row = {
  name: "http2",
  what: "HTTP/2, 16 connections of 16 streams, small answers",
  unit: "µs CPU per request",
  goals: { nginx: 1.8, Caddy: 0.35 },
  setup: { workers: 1, logs: false },
  measure: (contender, _scene, seconds) => {
    const load = { requests: REQUESTS_PER_SECOND * seconds, clients: 16, streams: 16 };
    return cpuPerPiece(contender, () => h2load(contender, "/small", load));
  },
};
