import { openSync } from "node:fs";
import { createLog } from "../../../src/base/log.ts";
import { accessFacts } from "../../../src/http/access-log.ts";
import type { MicroCase } from "./micro-case.ts";

const fd = openSync("/dev/null", "w");
const log = createLog({ level: "info", format: "json", process: "worker 1", fd });
const asked = {
  ...{ method: "GET", host: "a.shop.example", target: "/articles?page=2", client: "192.0.2.1" },
  ...{ clientCertificate: undefined, requestId: "4f1b2c3d-0000-4000-8000-000000000000" },
};
const ended = {
  ...{ status: 200, bytesIn: 0, bytesOut: 1_024, durationMs: 3.456789 },
  ...{ user: undefined, backend: undefined, why: undefined },
};
const times = { connectMs: 0.123456, firstByteMs: 2.345678 };

/** All that `log.access` adds to a request, but for the bytes and writes that lines share. */
export const logCases: readonly MicroCase[] = [
  {
    name: "log: a line of the access log",
    expected: "told",
    run: () => {
      log.info("request.done", accessFacts(asked, ended, times, false));
      return "told";
    },
  },
];
