import { writeFileSync } from "node:fs";
import type { Contender } from "../contenders/contender.ts";
import { h2load } from "../loads/h2load.ts";
import { wrk } from "../loads/wrk.ts";
import { cpuPerPiece, type Row } from "../row.ts";

const CONNECTIONS = 64;
/** Of ten megabytes each, either way: a second has room for so many. */
const LARGE_PER_SECOND = 15;
const UPLOAD_BYTES = 10_485_760;
const setup = { workers: 1, logs: false } as const;
const unit = "µs CPU per request";

/** CPU of a request for `path` on connections that are kept, in microseconds. */
export function costOfRequests(contender: Contender, path: string, seconds: number) {
  return cpuPerPiece(contender, () => wrk(contender, path, { connections: CONNECTIONS, seconds }));
}

function keepAlive(name: string, what: string, path: string, rest: Partial<Row>): Row {
  const goals = { nginx: 1.05 };
  const measure: Row["measure"] = (contender, _scene, seconds) =>
    costOfRequests(contender, path, seconds);
  return { name, what, unit, goals, setup, measure, ...rest };
}

/** Eight connections that each wait for their turn: with more, the last ones would wait for too long. */
function large(seconds: number) {
  return { requests: LARGE_PER_SECOND * seconds, clients: 8, streams: 1, isHttp1: true };
}

const small = { goals: { nginx: 1.2, Caddy: 0.35 } };

export const http1Rows: readonly Row[] = [
  keepAlive("small", "HTTP/1.1, keep-alive, small answers", "/small", small),
  keepAlive("logged", "the same with access logs to a file", "/small", {
    ...small,
    setup: { workers: 1, logs: true },
  }),
  keepAlive("64k", "answers of 64 KiB", "/64k", {}),
  {
    ...{ name: "10m", what: "answers of 10 MiB", unit, goals: { nginx: 1.05 }, setup },
    measure: (contender, _scene, seconds) =>
      cpuPerPiece(contender, () => h2load(contender, "/10m", large(seconds))),
  },
  {
    ...{ name: "upload", what: "uploads of 10 MiB", unit, goals: { nginx: 1.05 }, setup },
    measure: (contender, scene, seconds) => {
      const upload = scene.path("upload");
      writeFileSync(upload, Buffer.alloc(UPLOAD_BYTES, "x"));
      return cpuPerPiece(contender, () =>
        h2load(contender, "/sink", { ...large(seconds), upload }),
      );
    },
  },
];
