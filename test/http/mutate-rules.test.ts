import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";
import { firstFailingRow, type PureParts } from "./rows.ts";

/** Every rule of these files is one of the forms of {@link RULE}. A copy without it must fail a row. */
const FILES = [
  "fields",
  "authority",
  "connection-options",
  "content-length",
  "head",
  "admit",
  "answer",
  "body",
  "h2-head",
  "http2-answer",
  "../base/uri-path",
] as const;
/** `return fault(…)`, `… ? fault(…)`, `… : fault(…)`, `… ?? fault(…)`, and a path that is ambiguous. */
const RULE =
  /(\breturn|\?\?|[?:]) (?:(?:fault|this\.#fault)\((?:\s*\d+,)?\s*([^)]*?),?\s*\)|\{ kind: ("ambiguous") \})/g;

const folder = mkdtempSync(join(tmpdir(), "latchkey-rules-"));
after(() => rmSync(folder, { recursive: true }));
let copies = 0;

test("The parts as they are hold every row", async () => {
  assert.equal(firstFailingRow(await partsWithout("fields", -1)), undefined);
});

for (const file of FILES) {
  const rules = [...sourceOf(file).matchAll(RULE)];
  rules.forEach(([, , why, reading], index) => {
    test(`A row fails without the rule of ${basename(file)}.ts: ${why ?? reading}`, async () => {
      assert.ok(failsARow(await partsWithout(file, index)), "no row holds this rule");
    });
  });
}

/** A part that trips over what it should have refused has failed its row too. */
function failsARow(parts: PureParts): boolean {
  try {
    return firstFailingRow(parts) !== undefined;
  } catch {
    return true;
  }
}

function sourceOf(file: string): string {
  return readFileSync(`src/http/${file}.ts`, "utf8");
}

/** Which of these files stand on which. */
const IMPORT = /"\.\/([a-z-]+)\.ts"/g;

function standsOn(name: string, file: string): boolean {
  if (name === file) return true;
  const imported = [...sourceOf(name).matchAll(IMPORT)].map(([, each = ""]) => each);
  return imported.some((each) => FILES.some((known) => known === each) && standsOn(each, file));
}

/**
 * The parts, with a copy of `file` in which its `index`th rule is looked at and passed over, and copies of those that
 * stand on it.
 */
async function partsWithout(file: (typeof FILES)[number], index: number): Promise<PureParts> {
  copies += 1;
  const mark = `-${copies}.ts`;
  const copied = new Map<string, boolean>(FILES.map((name) => [name, standsOn(name, file)]));
  const urlOf = (name: string) => {
    const path = copied.get(name)
      ? join(folder, `${basename(name)}${mark}`)
      : join("src/http", `${name}.ts`);
    return pathToFileURL(path).href;
  };
  for (const name of FILES.filter((each) => copied.get(each))) {
    let source = sourceOf(name);
    if (name === file) {
      let seen = -1;
      source = source.replaceAll(RULE, (rule) => {
        seen += 1;
        if (seen !== index) return rule;
        return rule.startsWith("return") ? rule.replace("return", "void") : passed(rule);
      });
    }
    source = source
      .replaceAll(IMPORT, (_all, path: string) => JSON.stringify(urlOf(path)))
      .replaceAll(/"\.\.\/([a-z/-]+)\.ts"/g, (_all, path: string) =>
        JSON.stringify(pathToFileURL(join("src", `${path}.ts`)).href),
      );
    writeFileSync(join(folder, `${basename(name)}${mark}`), source);
  }
  return {
    h2Head: await import(urlOf("h2-head")),
    http2Answer: await import(urlOf("http2-answer")),
    uriPath: await import(urlOf("../base/uri-path")),
    head: await import(urlOf("head")),
    admit: await import(urlOf("admit")),
    answer: await import(urlOf("answer")),
    body: await import(urlOf("body")),
  };
}

/** `? fault(…)` becomes `? void fault(…)`: looked at, and worth nothing. */
function passed(rule: string): string {
  return rule.replace(" ", " void ");
}
