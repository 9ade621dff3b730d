import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { test } from "node:test";

/** What each room of src/ may import besides itself and node:. A room missing here fails. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  base: [],
  config: ["base"],
  process: ["base", "config"],
  storage: ["base"],
  acme: ["base"],
  authority: ["base", "acme"],
  dns: ["base"],
  backend: ["base", "config", "process"],
  auth: ["base", "config"],
  http: ["base", "config", "process", "backend", "auth"],
  connection: ["base", "config", "process", "http", "backend"],
  health: ["base", "config", "process", "backend", "http"],
  certificate: ["base", "config", "process", "storage", "acme", "authority", "dns"],
  alert: ["base", "config", "storage"],
  admin: ["base", "config", "auth"],
  doctor: ["base", "config", "storage", "acme", "dns", "certificate"],
  cli: ["base", "config", "admin", "storage", "certificate", "doctor", "supervisor.ts"],
  // The composition roots: nobody imports them but the command line.
  "main.ts": ["base", "cli"],
  "supervisor.ts": ["base", "config", "process"],
  "worker.ts": ["base", "config", "process", "storage", "connection", "http", "backend"],
  "manager.ts": [
    "base",
    "config",
    "process",
    "storage",
    "acme",
    "authority",
    "dns",
    "certificate",
    "health",
    "alert",
    "admin",
  ],
};

/** The one file that may import each package. */
const WRAPPED_IN: Readonly<Record<string, readonly string[]>> = {
  "acme-client": ["src/acme/signing.ts"],
  "node-forge": ["src/acme/der.ts"],
  pino: ["src/base/log.ts"],
  yaml: ["src/config/yaml.ts"],
  zod: ["src/config/schema.ts"],
  commander: ["src/cli/program.ts"],
  tldts: ["src/certificate/registered-domain.ts"],
};

/** `import … from "x"`, `export … from "x"`, `import "x"`, `import("x")`; not a string after an exported function. */
const IMPORT =
  /^\s*(?:import|export)\b[^"';]*\bfrom\s+["']([^"']+)["']|^\s*import\s+["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']/gm;

for (const file of globSync("src/**/*.ts")) {
  test(`${file} imports only what ${roomOf(file)} may`, () => {
    const room = roomOf(file);
    const allowed = MAY_IMPORT[room];
    assert.ok(allowed, `Add "${room}" to MAY_IMPORT`);
    for (const [, from, bare, dynamic] of readFileSync(file, "utf8").matchAll(IMPORT)) {
      const specifier = from ?? bare ?? dynamic ?? "";
      if (specifier.startsWith("node:")) continue;
      if (specifier.startsWith(".")) {
        const target = roomOf(relative(".", join(dirname(file), specifier)));
        assert.ok(target === room || allowed.includes(target), `${file} reaches into ${target}`);
      } else {
        assert.ok(
          WRAPPED_IN[specifier]?.includes(file),
          `${file} imports ${specifier}, which another file wraps`,
        );
      }
    }
  });
}

/** The packages that a process loads when it starts: each takes megabytes that it keeps (`npm run bench -- --only vps`). */
const LOADED_BY: Readonly<Record<string, readonly string[]>> = {
  "src/worker.ts": ["pino"],
  "src/manager.ts": ["pino", "tldts"],
};

for (const [root, packages] of Object.entries(LOADED_BY)) {
  test(`${root} loads no more packages than it always needs`, () => {
    const loaded = new Set([root]);
    const found = new Set<string>();
    for (const file of loaded) {
      for (const specifier of loadedWith(file)) {
        if (specifier.startsWith(".")) loaded.add(join(dirname(file), specifier));
        else if (!specifier.startsWith("node:")) found.add(specifier);
      }
    }
    assert.deepEqual([...found].toSorted(), packages);
  });
}

/** What is loaded before a file is: neither types nor what it imports when it needs it. */
function loadedWith(file: string): string[] {
  return [...readFileSync(file, "utf8").matchAll(IMPORT)].flatMap(([text, from, bare]) =>
    /^\s*(?:import|export)\s+type\b/.test(text) ? [] : (from ?? bare ?? []),
  );
}

/** `src/base/errors.ts` → `base`; `src/worker.ts` → `worker.ts`. */
function roomOf(file: string): string {
  return file.split("/")[1] ?? file;
}
