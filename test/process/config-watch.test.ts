import assert from "node:assert/strict";
import { rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { loadConfig } from "../../src/config/load.ts";
import { ConfigWatch } from "../../src/process/config-watch.ts";
import { temporaryFolder } from "../support/folders.ts";

/** A file that includes others, and a watch on it. */
async function world(watched = "watch: on") {
  const folder = await temporaryFolder();
  const at = (name: string) => join(folder.path, name);
  await writeFile(at("edge.yml"), `include: "*.yaml"\n${watched}\nhosts: { a.test: 3001 }\n`);
  await writeFile(at("b.yaml"), "hosts: { b.test: 3002 }\n");
  const read = async () => {
    const loaded = await loadConfig(at("edge.yml"), {});
    return loaded.ok ? loaded.config : assert.fail(JSON.stringify(loaded.faults));
  };
  const watch = new ConfigWatch();
  return {
    at,
    read,
    /** What so many looks say of it. */
    async looks(config: Awaited<ReturnType<typeof read>>, times: number) {
      const said: boolean[] = [];
      for (let look = 0; look < times; look += 1) said.push(await watch.look(config));
      return said;
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

const changes: readonly (readonly [string, (at: (name: string) => string) => Promise<void>])[] = [
  ["the file is written", (at) => writeFile(at("edge.yml"), "hosts: { a.test: 3009 }\n")],
  ["an included file is written", (at) => writeFile(at("b.yaml"), "hosts: { b.test: 3009 }\n")],
  ["an included file is added", (at) => writeFile(at("c.yaml"), "hosts: { c.test: 3003 }\n")],
  ["an included file is taken away", (at) => rm(at("b.yaml"))],
  [
    "another file is put in the place of one",
    async (at) => {
      await writeFile(at("b.new"), "hosts: { b.test: 3002 }\n");
      await rename(at("b.new"), at("b.yaml"));
    },
  ],
];

for (const [what, change] of changes) {
  test(`when ${what}, the second look that finds the same says so, once`, async () => {
    await using folder = await world();
    const config = await folder.read();
    assert.deepEqual(await folder.looks(config, 2), [false, false]);
    await change(folder.at);
    assert.deepEqual(await folder.looks(config, 4), [false, true, false, false]);
  });
}

test("a file that is still being written is waited for", async () => {
  await using folder = await world();
  const config = await folder.read();
  for (const port of [1, 22, 333]) {
    await writeFile(folder.at("b.yaml"), `hosts: { b.test: ${port} }\n`);
    assert.deepEqual(await folder.looks(config, 1), [false]);
  }
  assert.deepEqual(await folder.looks(config, 2), [true, false]);
});

test("a file that is put back as it was read, or was read again meanwhile, is no news", async () => {
  await using folder = await world();
  await writeFile(folder.at("b.yaml"), "hosts: { b.test: 3009 }\n");
  const config = await folder.read();
  assert.deepEqual(await folder.looks(config, 3), [false, false, false]);
});

test("what was refused and is put right again is read again, so that nothing stays refused", async () => {
  await using folder = await world();
  const config = await folder.read();
  await writeFile(folder.at("c.yaml"), "{");
  assert.deepEqual(await folder.looks(config, 3), [false, true, false]);
  await rm(folder.at("c.yaml"));
  assert.deepEqual(await folder.looks(config, 3), [false, true, false]);
});

test("a file that never rests is read after a while all the same", async () => {
  await using folder = await world();
  const config = await folder.read();
  const said: boolean[] = [];
  for (let port = 1; port <= 8; port += 1) {
    await writeFile(folder.at("b.yaml"), `# ${"x".repeat(port)}`);
    said.push(...(await folder.looks(config, 1)));
  }
  assert.equal(said.indexOf(true), 5);
});

test("without `watch` nothing is looked at", async () => {
  await using folder = await world("watch: off");
  const config = await folder.read();
  await rm(folder.at("b.yaml"));
  assert.deepEqual(await folder.looks(config, 3), [false, false, false]);
});
