import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { fileJsonSchema } from "../../src/config/file-schema.ts";
import { limits } from "../../src/config/limits.ts";
import { loadConfig } from "../../src/config/load.ts";
import { expectedHttpsPort } from "../../src/config/settings.ts";
import { configOf } from "../support/config-text.ts";

function pathOf(name: string): string {
  return fileURLToPath(new URL(`../../config/${name}`, import.meta.url));
}

function readText(name: string): string {
  return readFileSync(pathOf(name), "utf8");
}

test("config/schema.json is what the code says (else: npm run schema)", () => {
  assert.deepEqual(
    JSON.parse(readText("schema.json")),
    JSON.parse(JSON.stringify(fileJsonSchema())),
  );
});

for (const name of ["latchkey.yaml", "reference.yaml"]) {
  test(`config/${name} has no fault, and names the schema for editors`, async () => {
    const loaded = await loadConfig(pathOf(name));
    assert.deepEqual(loaded.ok ? [] : loaded.faults, []);
    assert.match(readText(name), /^# yaml-language-server: \$schema=schema\.json\n/);
  });
}

test("editors are told of limits which ones are numbers, which durations and sizes, and their bounds", () => {
  const { properties } = JSON.parse(readText("schema.json"));
  const { connectionsMax, helloTimeoutMs, headMaxBytes } = properties.limits.properties;
  const { description: _, ...shape } = connectionsMax;
  assert.deepEqual(shape, { type: "integer", minimum: 16, maximum: 1_000_000 });
  assert.deepEqual(helloTimeoutMs.anyOf, [
    { type: "integer", minimum: 1_000, maximum: 60_000 },
    { type: "string", pattern: "^\\d{1,12}(ms|s|m|h|d)$" },
  ]);
  assert.deepEqual(headMaxBytes.anyOf, [
    { type: "integer", minimum: 4_096, maximum: 1_048_576 },
    { type: "string", pattern: "^\\d{1,12}(B|KiB|MiB|GiB)$" },
  ]);
});

test("config/reference.yaml names every supported key", () => {
  const text = readText("reference.yaml");
  const missing = keysOf(fileJsonSchema()).filter((key) => !new RegExp(`\\b${key}:`).test(text));
  assert.deepEqual(missing, []);
});

test("the settings in config/reference.yaml are the defaults", async () => {
  const loaded = await loadConfig(pathOf("reference.yaml"));
  assert.ok(loaded.ok);
  const {
    hosts: _hosts,
    email: _email,
    workers: _workers,
    sources: _read,
    ...settings
  } = loaded.config;
  const bare = configOf("hosts: { a.example: 3001 }", pathOf("reference.yaml"));
  const { hosts: _bareHosts, email: _none, workers: _cores, sources: _text, ...defaults } = bare;
  for (const [name, value] of Object.entries(settings.limits))
    assert.equal(value, new Map(Object.entries(limits)).get(name), name);
  assert.equal(settings.listen.publicHttpsPort, expectedHttpsPort(defaults.listen));
  assert.deepEqual(settings, {
    ...defaults,
    limits: settings.limits,
    acme: { ...defaults.acme, issuersWritten: true },
    listen: { ...defaults.listen, publicHttpsPort: settings.listen.publicHttpsPort },
  });
});

/** Every supported key of a JSON Schema, without where it stands. */
function keysOf(schema: unknown): string[] {
  if (typeof schema !== "object" || schema === null) return [];
  const { properties = {}, ...rest } = schema as { properties?: Record<string, unknown> };
  return [
    ...Object.entries(properties).flatMap(([name, inner]) => [name, ...keysOf(inner)]),
    ...Object.values(rest).flatMap(keysOf),
  ];
}
