import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { flawsOf, recordOfGiven } from "../../src/certificate/flaw.ts";
import { GivenWatch } from "../../src/certificate/given-watch.ts";
import { troublesOfGiven } from "../../src/certificate/troubles.ts";
import { makeAuthority, makeCertificate } from "../support/certificates.ts";
import { configOf } from "../support/config-text.ts";
import { temporaryFolder } from "../support/folders.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { named } from "../support/stored.ts";

const host = named("own.example");
const issuer = makeAuthority();
const first = makeCertificate({ names: [host], issuer });
const second = makeCertificate({ names: [host], issuer });
const strange = makeCertificate({ names: ["strange.example"], issuer });

/** A host with these files, others that share them, and a watch that has read them. */
async function watched(
  t: TestContext,
  { chain, key }: { chain: string; key: string },
  ...sharers: readonly string[]
) {
  const folder = await temporaryFolder();
  t.after(() => folder[Symbol.asyncDispose]());
  const files = { chain: join(folder.path, "own.pem"), key: join(folder.path, "own.key") };
  const write = (texts: { chain: string; key: string }) => {
    writeFileSync(files.chain, texts.chain);
    writeFileSync(files.key, texts.key);
  };
  write({ chain, key });
  const clock = new ManualClock(Date.now());
  const entry = `${[host, ...sharers].join(", ")}: { respond: own, certificate: { chain: own.pem, key: own.key } }`;
  const text = `hosts:\n  ${entry}\n`;
  const watch = new GivenWatch(configOf(text, join(folder.path, "latchkey.yaml")), clock);
  await watch.open();
  const given = () => watch.all.get(host) ?? assert.fail();
  const row = () => recordOfGiven(given(), clock.now());
  const kinds = () =>
    flawsOf(given(), { now: clock.now(), expiresWithin: 0 }).map(({ kind }) => kind);
  const look = async (times: number) => {
    for (let done = 0; done < times; done += 1) await watch.look();
  };
  const served = async () => {
    const outcome = await watch.outcomeFor(host, files);
    return outcome.kind === "held" ? outcome.credential.chain : outcome.kind;
  };
  return { clock, files, given, kinds, look, row, served, watch, write };
}

const spoilers = [
  { what: "noise in the chain", spoilt: { chain: "noise", key: first.key }, part: "chain" },
  { what: "empty files", spoilt: { chain: "", key: "" }, part: "chain" },
  { what: "a certificate for another host", spoilt: strange, part: "chain" },
  { what: "another key", spoilt: { chain: first.chain, key: second.key }, part: "key" },
] as const;

for (const { what, spoilt, part } of spoilers) {
  test(`S16: good files that hold ${what} now are told of after two looks, and what they held is given to workers`, async (t) => {
    const { clock, given, kinds, look, row, served, write } = await watched(t, first);
    const { serial } = row();
    await look(3);
    assert.deepEqual(kinds(), []);
    write(spoilt);
    await look(1);
    assert.deepEqual(kinds(), [], "they may just be being written");
    await look(1);
    assert.deepEqual(kinds(), ["spoilt"]);
    assert.deepEqual([row().state, row().serial], ["manual", serial]);
    assert.equal(row().lastError?.type, "CERTIFICATE_INVALID");
    assert.match(row().lastError?.detail ?? "", /; what the files held before is served until/);
    assert.match(
      row().lastError?.hint ?? "",
      new RegExp(`^Put into \\S+own\\.${part === "key" ? "key" : "pem"} `),
    );
    const [trouble] = troublesOfGiven(given(), { now: clock.now(), expiresWithin: 0 });
    assert.match(trouble?.message ?? "", /cannot be used any more$/);
    assert.deepEqual([trouble?.kind, trouble?.severity], ["certificate.unusable", "warning"]);
    assert.equal(await served(), first.chain);

    write(second);
    await look(2);
    assert.deepEqual(kinds(), []);
    assert.equal(row().serial, serial, "it is served until a reload");
  });
}

test("S16: files that are gone are told of at once when a worker cannot use them", async (t) => {
  const { clock, files, kinds, look, row, served } = await watched(t, first);
  rmSync(files.key);
  clock.advance(60_000);
  assert.equal(await served(), first.chain);
  assert.deepEqual(kinds(), ["spoilt"]);
  const { at } = row().lastError ?? {};
  assert.equal(at, new Date(clock.now()).toISOString());
  clock.advance(60_000);
  await look(3);
  assert.equal(row().lastError?.at, at, "since when it is so");
});

test("files that never were good are given to nobody, and taken when they are", async (t) => {
  const { kinds, look, row, served, write } = await watched(t, { chain: "noise", key: "noise" });
  assert.equal(row().state, "failed");
  assert.equal(await served(), "unavailable");
  write(strange);
  await look(2);
  assert.deepEqual(kinds(), ["misnamed"]);
  assert.equal(await served(), strange.chain);
});

test("files that were for another host at the start are told of as what they hold since, which workers serve", async (t) => {
  const { kinds, look, row, served, write } = await watched(t, strange);
  assert.deepEqual(kinds(), ["misnamed"]);
  assert.equal(await served(), strange.chain);
  const { serial } = row();
  write({ chain: "noise", key: "noise" });
  await look(2);
  assert.deepEqual([kinds(), row().serial], [["misnamed", "spoilt"], serial]);
  assert.equal(await served(), strange.chain);
  write(first);
  await look(2);
  assert.deepEqual([kinds(), row().lastError], [[], null]);
  assert.notEqual(row().serial, serial);
  assert.equal(await served(), first.chain);
  write(strange);
  await look(2);
  assert.deepEqual(kinds(), ["spoilt"], "they were right");
  assert.equal(await served(), first.chain);
});

test("files that are for one of the hosts that share them are what is served until a reload", async (t) => {
  const { kinds, look, served, write } = await watched(t, strange, "strange.example");
  assert.deepEqual(kinds(), ["misnamed"]);
  write(first);
  await look(2);
  assert.deepEqual(kinds(), ["misnamed"]);
  assert.equal(await served(), strange.chain);
});

test("a ring tells that something has changed, and nothing rings while nothing does", async (t) => {
  const { look, watch, write } = await watched(t, first);
  const clock = new ManualClock();
  const { signal } = new AbortController();
  assert.equal(await watch.changed.sleep(clock, 1, signal), true, "they were read");
  let hasRung = false;
  const rung = watch.changed.sleep(clock, 1_000, signal).then((rang) => {
    hasRung = rang;
  });
  await look(3);
  assert.equal(hasRung, false);
  write({ chain: "noise", key: "noise" });
  await look(2);
  await rung;
  assert.equal(hasRung, true);
});
