import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { runProgram } from "../support/client-program.ts";
import { Latchkey } from "../support/latchkey.ts";
import { Webhook } from "../support/webhook.ts";

test("a file that SIGHUP finds faulty is told of until one is right: at /healthz, in status and in alerts", async () => {
  await using webhook = await Webhook.open();
  await using latchkey = await Latchkey.start({
    env: { HOOK: webhook.url },
    config: `
workers: 1
alerts: { webhook: env:HOOK }
hosts: { up.localhost: { respond: ok } }
`,
  });
  await latchkey.event("certificate.swapped");
  const right = await readFile(latchkey.file, "utf8");
  const reload = async (text: string) => {
    await writeFile(latchkey.file, text);
    latchkey.process.kill("SIGHUP");
  };
  const notice = (state: string) =>
    webhook.notice((told) => told["event"] === "config.rejected" && told["state"] === state);
  const socket = join(latchkey.storage, "admin.sock");
  const health = async () => {
    const asked = ["-s", "--unix-socket", socket, "http://a/healthz"];
    return JSON.parse((await runProgram("curl", asked)).stdout);
  };

  await reload(right.replace("respond: ok", "respnod: ok"));
  const begun = await notice("begun");
  assert.equal(begun["severity"], "warning");
  assert.match(
    String(begun["detail"]),
    /^\S+latchkey\.yaml:\d+:\d+: hosts\["up\.localhost"\]\.respnod: /,
  );
  assert.ok(begun["hint"]?.includes(`latchkey check --config ${latchkey.file}`), "what to do");
  const { status, troubles } = await health();
  assert.equal(status, "degraded");
  assert.deepEqual(
    troubles.map(({ kind, detail }: Record<string, string>) => [kind, detail]),
    [["config.rejected", begun["detail"]]],
  );
  await writeFile(latchkey.file, right); // only commands read it now
  const command = ["src/latchkey.sh", "status", "--config", latchkey.file];
  const shown = await runProgram("sh", command);
  assert.ok(shown.stdout.includes(`! ${begun["message"]}\n  ${begun["detail"]}\n`), shown.stdout);

  await reload(right);
  await notice("recovered");
  assert.equal((await health()).status, "ok");
});
