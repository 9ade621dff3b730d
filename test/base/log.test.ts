import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";

/** What a process that logs these facts writes on standard output. */
function written(format: string, facts: Readonly<Record<string, unknown>>): string {
  const script = `
    const { createLog } = await import(${JSON.stringify(new URL("../../src/base/log.ts", import.meta.url).href)});
    createLog({ level: "info", format: ${JSON.stringify(format)}, process: "worker 1" })
      .info("test.event", ${JSON.stringify(facts)});
  `;
  return execFileSync(process.execPath, ["--input-type=module", "-e", script], {
    encoding: "utf8",
  });
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
  for (const host of NASTY) {
    const output = written("json", { host });
    const lines = output.split("\n");
    assert.equal(lines.length, 2);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
    assert.doesNotMatch(lines[0] ?? "", /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/);
    const line = JSON.parse(lines[0] ?? "");
    assert.deepEqual(
      { level: line.level, process: line.process, event: line.event },
      { level: "info", process: "worker 1", event: "test.event" },
    );
    assert.ok(line.host.length < 2_100);
  }
});

test("a pretty line keeps a stranger's text in its place", () => {
  for (const host of NASTY) {
    const output = written("pretty", { host, durationMs: 7 });
    assert.equal(output.split("\n").length, 2);
    assert.match(output, /^\d\d:\d\d:\d\d test\.event host=.* durationMs=7\n$/u);
  }
});
