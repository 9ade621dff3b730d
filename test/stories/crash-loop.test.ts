import assert from "node:assert/strict";
import { cp, symlink, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { limits } from "../../src/config/limits.ts";
import { temporaryFolder } from "../support/folders.ts";
import { Latchkey } from "../support/latchkey.ts";
import { SteadyClient } from "../support/steady-client.ts";
import { Webhook } from "../support/webhook.ts";

const HOST = "up.localhost";
const hosts = `hosts:\n  ${HOST}: { respond: ok }\n`;

test("D8: workers that die ten times in a minute are a trouble that is told, and whoever comes is served meanwhile", async () => {
  await using webhook = await Webhook.open();
  const config = `workers: 3\nalerts: { webhook: env:HOOK }\n${hosts}`;
  await using latchkey = await Latchkey.start({ config, env: { HOOK: webhook.url } });
  await latchkey.event("certificate.swapped");
  assert.equal((await latchkey.status()).troubles.length, 0);
  const { workers } = await latchkey.status();
  const spared = new Set(workers.slice(-1).map(({ pid }) => pid));
  await using client = await SteadyClient.start(latchkey, HOST);
  for (let deaths = 1; deaths <= limits.crashesMax; deaths += 1) {
    assert.equal(latchkey.count("process.degraded"), 0);
    await killOne(latchkey, spared);
  }
  const degraded = await latchkey.event("process.degraded");
  assert.equal(degraded["signal"], "SIGKILL");
  const notice = await webhook.notice(({ event }) => event === "process.failing");
  assert.deepEqual([notice["state"], notice["severity"]], ["begun", "critical"]);
  const { troubles } = await latchkey.status();
  assert.deepEqual(
    troubles.map(({ kind }) => kind),
    ["process.failing"],
  );
  const { failed, answers } = await client.stop();
  assert.ok(answers > 0);
  // Its one connection may have been in a worker that was killed, each time anew.
  assert.ok(failed.length <= limits.crashesMax, failed.join("\n"));
});

/** Any worker but those of `spared`, to which it is added, as soon as there is one that is ready. */
async function killOne(latchkey: Latchkey, spared: Set<number>): Promise<void> {
  for (;;) {
    const { workers } = await latchkey.status();
    const victim = workers.find(({ pid, ready }) => ready && !spared.has(pid));
    if (victim === undefined) continue;
    spared.add(victim.pid); // the manager hears of its end later than we do
    process.kill(victim.pid, "SIGKILL");
    await latchkey.event("worker.exited", ({ child }) => child === `worker ${victim.index}`);
    return;
  }
}

test("D8: a program none of whose workers can start ends with 1, and says why", async () => {
  await using folder = await temporaryFolder();
  const home = join(folder.path, "program");
  await cp("src", join(home, "src"), { recursive: true });
  await cp("package.json", join(home, "package.json"));
  await symlink(resolve("node_modules"), join(home, "node_modules"));
  await writeFile(join(home, "src/worker.ts"), "process.exit(3);\n");
  await using latchkey = await Latchkey.spawn({ config: `workers: 3\n${hosts}`, home });
  assert.equal(await latchkey.exited, 1);
  assert.match(
    latchkey.stderr,
    /Cannot start any worker: 10 ended one after the other before they could serve, the last one with code 3/,
  );
  assert.ok(latchkey.count("worker.exited") >= limits.crashesMax);
});
