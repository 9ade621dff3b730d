import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";
import { firstFailingRow, type PureParts } from "./rows.ts";

/** Every rule of these files is one `return fault(…)`. A copy without it must fail a row. */
const FILES = [
  "fields",
  "authority",
  "connection-options",
  "content-length",
  "head",
  "admit",
  "answer",
  "body",
] as const;
const RULE = /\breturn (fault|this\.#fault)\((?:\s*\d+,)?\s*([^)]*?),?\s*\)/g;

const folder = mkdtempSync(join(tmpdir(), "latchkey-rules-"));
after(() => rmSync(folder, { recursive: true }));
let copies = 0;

test("The parts as they are hold every row", async () => {
  assert.equal(firstFailingRow(await copyWithout("fields", -1)), undefined);
});

for (const file of FILES) {
  const rules = [...sourceOf(file).matchAll(RULE)];
  rules.forEach(([, , why], index) => {
    test(`A row fails without the rule of ${file}.ts: ${why}`, async () => {
      assert.ok(failsARow(await copyWithout(file, index)), "no row holds this rule");
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

/** A copy of the parts in which the `index`th rule of `file` is looked at and passed over. */
async function copyWithout(file: (typeof FILES)[number], index: number): Promise<PureParts> {
  copies += 1;
  const mark = `-${copies}.ts`;
  for (const name of FILES) {
    let source = sourceOf(name);
    if (name === file) {
      let seen = -1;
      source = source.replaceAll(RULE, (rule) => {
        seen += 1;
        return seen === index ? rule.replace("return", "void") : rule;
      });
    }
    source = source.replaceAll(/"(\.\.?)\/([a-z/-]+)\.ts"/g, (_all, dots: string, path: string) =>
      dots === "."
        ? `"./${path}${mark}"`
        : JSON.stringify(pathToFileURL(join("src", `${path}.ts`)).href),
    );
    writeFileSync(join(folder, `${name}${mark}`), source);
  }
  const load = (name: string) => import(pathToFileURL(join(folder, `${name}${mark}`)).href);
  return {
    head: await load("head"),
    admit: await load("admit"),
    answer: await load("answer"),
    body: await load("body"),
  };
}
