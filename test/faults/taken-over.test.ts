import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { entriesOf } from "../support/folders.ts";
import { Latchkey } from "../support/latchkey.ts";
import { shakeHands } from "../support/visitor.ts";

const hosts = (...names: readonly string[]) =>
  `workers: 1\nrenewal: { checkEvery: 1s }\nhosts:\n${names.map((name) => `  ${name}: { respond: ok }\n`).join("")}`;

test("D10: a program that was stopped for long loses its storage to the next one, and writes into it no more", async () => {
  await using first = await Latchkey.start({ config: hosts("a.localhost", "b.localhost") });
  for (const name of ["a.localhost", "b.localhost"])
    await first.event("certificate.swapped", ({ host }) => host === name);
  const served = await shakeHands(first, "a.localhost");
  const ready = await first.event("process.ready", ({ child }) => child === "manager");
  const manager = Number(ready["pid"]);
  // The supervisor would replace a manager that is silent: it is stopped first.
  first.process.kill("SIGSTOP");
  process.kill(manager, "SIGSTOP");

  const config = hosts("a.localhost", "b.localhost", "c.localhost");
  await using second = await Latchkey.start({ config, storage: first.storage });
  await second.event("certificate.swapped", ({ host }) => host === "c.localhost");
  assert.deepEqual(await shakeHands(second, "a.localhost"), served);
  assert.equal(second.count("order.started"), 1);

  const stored = async () =>
    (await entriesOf(second.storage)).filter(
      ({ path }) => path !== "lock" && path !== "admin.sock",
    );
  await second.event("renewal-info.received", ({ host }) => host === "c.localhost"); // its last word on disk
  const before = await stored();
  process.kill(manager, "SIGCONT");
  await first.event("storage.lease-lost");
  assert.deepEqual(await stored(), before);
  assert.equal(first.count("order.started"), 2);
  assert.deepEqual(
    await shakeHands(second, "c.localhost"),
    await shakeHands(second, "c.localhost"),
  );
  first.process.kill("SIGCONT");
  assert.equal(second.count("storage.lease-lost"), 0);
  assert.ok((await entriesOf(join(second.storage, "quarantine"))).length === 0);
});
