import assert from "node:assert/strict";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { type AdminSteps, serveAdmin } from "../../src/admin/server.ts";
import type { Snapshot } from "../../src/admin/snapshot.ts";
import { runProgram } from "../support/client-program.ts";
import { temporaryFolder } from "../support/folders.ts";

/** A configuration file, and what answers at its admin socket in the place of a program. */
async function world(reload: AdminSteps["reload"]) {
  const folder = await temporaryFolder();
  const at = (name: string) => join(folder.path, name);
  const write = (name: string) =>
    writeFile(at(name), "storage: storage\nhosts: { a.internal: 3001 }\n");
  await mkdir(at("storage"));
  await write("latchkey.yaml");
  const startedAt = new Date(Date.now() + 60_000).toISOString();
  const process = { pid: 1, startedAt };
  const snapshot: Snapshot = {
    ...{ version: "1.2.3", file: at("latchkey.yaml"), ...process, manager: process },
    workers: [{ index: 1, ...process, ready: true, draining: false }],
    ...{ hosts: [], backends: [], troubles: [] },
  };
  const steps: AdminSteps = {
    ...{ reload, snapshot: () => snapshot },
    rollOver: async () => [],
    metrics: async () => "",
    act: async () => ({ outcome: "unknown", detail: "", host: null }),
    drain: async () => ({ kind: "unknown", detail: "" }),
    probe: async () => undefined,
  };
  const close = await serveAdmin(at("storage/admin.sock"), steps);
  return {
    ...{ at, write },
    run: (name: string) => runProgram("sh", ["src/latchkey.sh", "reload", "--config", at(name)]),
    async [Symbol.asyncDispose]() {
      await close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

test("a reload that nobody answers in time is no rejection: it ends with 1", async () => {
  const why = "Cannot reload: the supervisor gave no answer";
  await using shop = await world(async () => ({ kind: "unanswered", why }));
  const { code, stderr } = await shop.run("latchkey.yaml");
  assert.deepEqual([code, stderr], [1, `latchkey: ${why}\n`]);
});

test("a program that was started with another file reloads nothing, and both files are named", async () => {
  let reloads = 0;
  await using shop = await world(async () => {
    reloads += 1;
    return { kind: "accepted", changes: [] };
  });
  await shop.write("other.yaml");
  const { code, stdout, stderr } = await shop.run("other.yaml");
  assert.deepEqual([code, stdout, reloads], [2, "", 0]);
  const [own, other] = [shop.at("latchkey.yaml"), shop.at("other.yaml")];
  assert.equal(
    stderr,
    `latchkey: Cannot reload ${other}: the running program reads ${own}, wanted --config ${own}, or a restart with the other file\n`,
  );
  await symlink("latchkey.yaml", shop.at("link.yaml"));
  const same = await shop.run("link.yaml");
  assert.deepEqual([same.code, same.stdout, reloads], [0, "nothing has changed\n", 1]);
});
