import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";

const source = (file: string) => JSON.stringify(new URL(`../../src/${file}`, import.meta.url).href);

/** Three lines for a file on a disk that is full, which standard output is told of; then the process ends. */
const LOSING = `
  const { openSync } = await import("node:fs");
  const { createLog } = await import(${source("base/log.ts")});
  const { accessSink } = await import(${source("http/access-log.ts")});
  const process = "worker 1";
  const log = createLog({ level: "info", format: "json", process });
  const told = Promise.withResolvers();
  const error = (event, facts) => { log.error(event, facts); told.resolve(); };
  const config = { level: "info", format: "json", access: { path: "/dev/full" } };
  const sink = accessSink(config, openSync("/dev/full", "a"), {
    process,
    log: { ...log, error },
    failing: (why) => log.info("test.failing", { why }),
  });
  for (let line = 0; line < 3; line += 1) sink({ status: 200 });
  await told.promise;
`;

test("lines that a full disk does not take are told of in the other log: when it begins, and how many at the end", {
  skip: process.platform !== "linux" && "there is no /dev/full",
}, () => {
  const args = ["--input-type=module", "-e", LOSING];
  const lines = execFileSync(process.execPath, args, { encoding: "utf8" }).trimEnd().split("\n");
  const [why, failing, dropped, ...more] = lines.map((line) => JSON.parse(line));
  assert.match(why?.why, /^ENOSPC/);
  assert.deepEqual(
    [failing?.event, failing?.code, failing?.path],
    ["log.failing", "ENOSPC", "/dev/full"],
  );
  assert.deepEqual(
    [dropped?.event, dropped?.lines, dropped?.path],
    ["log.dropped", 3, "/dev/full"],
  );
  assert.deepEqual(more, []);
});
