import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";

/** The lines that a process writes on standard output which logs these facts, one after the other. */
function written(format: string, all: readonly Readonly<Record<string, unknown>>[]): string[] {
  const script = `
    const { createLog } = await import(${JSON.stringify(new URL("../../src/base/log.ts", import.meta.url).href)});
    const log = createLog({ level: "info", format: ${JSON.stringify(format)}, process: "worker 1" });
    for (const facts of ${JSON.stringify(all)}) log.info("test.event", facts);
  `;
  const args = ["--input-type=module", "-e", script];
  const output = execFileSync(process.execPath, args, { encoding: "utf8" });
  assert.ok(output.endsWith("\n"));
  return output.slice(0, -1).split("\n");
}

const NASTY = [
  "two\nlines",
  'quote " and \\ backslash',
  "\u001b[31mred\u001b[0m",
  "del \u007f, C1 \u0085, separators \u2028 \u2029",
  "null \u0000 byte",
  "x".repeat(10_000),
];

test("a line of the log is one line of JSON whatever a stranger sent, and cut when it is long", () => {
  const lines = written(
    "json",
    NASTY.map((host) => ({ host })),
  );
  assert.equal(lines.length, NASTY.length);
  for (const text of lines) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
    assert.doesNotMatch(text, /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/);
    const line = JSON.parse(text);
    assert.deepEqual(
      { level: line.level, process: line.process, event: line.event },
      { level: "info", process: "worker 1", event: "test.event" },
    );
    assert.ok(line.host.length < 2_100);
  }
});

test("a pretty line keeps a stranger's text in its place", () => {
  const lines = written(
    "pretty",
    NASTY.map((host) => ({ host, durationMs: 7 })),
  );
  assert.equal(lines.length, NASTY.length);
  for (const text of lines)
    assert.match(text, /^\d\d:\d\d:\d\d test\.event host=.* durationMs=7$/u);
});

test("a line has its level, time, process and event first, then the facts that are known, in their order", () => {
  const [full, bare] = written("json", [
    { host: "a.example", status: 200, gone: null, isNew: true, path: '/"quoted"', query: "ü" },
    {},
  ]);
  const head = '{"level":"info","time":"T","process":"worker 1","event":"test.event"';
  const timeless = (line = "") => line.replace(/"time":"\d{4}-\d\d-\d\dT[\d:.]+Z"/, '"time":"T"');
  const facts =
    '"host":"a.example","status":200,"gone":null,"isNew":true,"path":"/\\"quoted\\"","query":"ü"';
  assert.equal(timeless(full), `${head},${facts}}`);
  assert.equal(timeless(bare), `${head}}`);
});
