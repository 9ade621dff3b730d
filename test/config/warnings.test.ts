import assert from "node:assert/strict";
import { test } from "node:test";
import { diskFiles } from "../../src/config/files.ts";
import { parseConfig } from "../../src/config/load.ts";
import { FILE } from "../support/config-text.ts";

/** The warnings about hosts, as path and message. */
function warningsOf(hosts: readonly string[]): readonly (readonly [string, string])[] {
  const text = `hosts:\n${hosts.map((host) => `  ${host}\n`).join("")}`;
  const loaded = parseConfig(text, { file: FILE, files: diskFiles, environment: {}, cores: 4 });
  assert.ok(loaded.ok);
  return loaded.warnings.map(({ path, message }) => [path, message]);
}

test("redirects from host to host and back are warned of once", () => {
  const circle = warningsOf([
    "a.example: { redirect: y.example }",
    "y.example: { redirect: z.example/new }",
    "z.example: { redirect: y.example, status: 302 }",
  ]);
  const why =
    "leads in a circle (y.example → z.example → y.example), wanted a host that answers at its end";
  assert.deepEqual(circle, [['hosts["y.example"].redirect', why]]);
});

test("redirects that end are fine, and so is one to another port", () => {
  const ends = ["a.example: { redirect: b.example }", "b.example: { redirect: c.example }"];
  assert.deepEqual(warningsOf([...ends, "c.example: 3001"]), []);
  assert.deepEqual(warningsOf([...ends, "c.example: { redirect: a.example:8443 }"]), []);
});

test("a health check that may take longer than the time between two is warned of, where it is written", () => {
  const slow = warningsOf([
    "a.example: { to: 1, health: { every: 1s, timeout: 5s }, paths: { /x: { to: 2 } } }",
    "b.example: { to: 1, health: { every: 5s, timeout: 5s } }",
    "c.example: { to: 1, health: { every: 1s } }",
  ]);
  const why =
    "is longer than `every`, so that silent backends are looked at less often, wanted at most 1s";
  assert.deepEqual(slow, [['hosts["a.example"].health.timeout', why]]);
});

test("a maxConnections below the number of workers is warned of, where it is written", () => {
  const few = warningsOf([
    "a.example: { to: 1, maxConnections: 4 }",
    "b.example: { to: 1, maxConnections: 3, paths: { /x: { to: 2 }, /y: { to: 2, maxConnections: 1 } } }",
  ]);
  const why = (max: number) =>
    `is less than the 4 workers, each of which lets one through, wanted at least 4, or \`workers: ${max}\``;
  assert.deepEqual(few, [
    ['hosts["b.example"].maxConnections', why(3)],
    ['hosts["b.example"].paths["/y"].maxConnections', why(1)],
  ]);
});
