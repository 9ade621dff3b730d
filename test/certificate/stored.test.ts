import assert from "node:assert/strict";
import { truncate } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { storedRecords } from "../../src/certificate/stored.ts";
import { buildRoutes } from "../../src/config/route.ts";
import { fingerprintOf } from "../../src/storage/key-file.ts";
import { configOf } from "../support/config-text.ts";
import { certificateFor, directory, named, openStorage } from "../support/stored.ts";

const config = configOf("hosts: { a.example: { respond: ok }, b.example: { respond: ok } }");
const routes = buildRoutes(config.hosts);
const find = (name: Parameters<typeof routes.findCertified>[0]) => routes.findCertified(name);
const host = named("a.example");

test("a row of storage says what is broken there, and nothing is written or logged for it", async () => {
  await using opened = await openStorage();
  const { certificates } = opened.storage;
  const save = () => certificates.save(host, certificateFor(host), { issuer: directory });
  const first = await save();
  await save();
  const key = (generation: string) =>
    join(opened.root, "certificates", host, generation, "key.pem");
  await truncate(key("000002"));
  await using storage = await opened.reopen({ readOnly: true });
  const [before] = await storedRecords(config, storage, find);
  assert.equal(before?.serial, first.credential.serial, "what came before is what a start serves");
  assert.equal(before?.lastError?.type, "STORAGE_CORRUPT");
  await truncate(key("000001"));
  const [row, other] = await storedRecords(config, storage, find);
  assert.deepEqual([row?.state, row?.serial], ["waiting", null]);
  assert.match(row?.lastError?.detail ?? "", /000002": .*the key cannot be read/);
  assert.match(row?.lastError?.hint ?? "", /quarantine/);
  assert.equal(other?.lastError, null);
  assert.deepEqual(opened.log.events, []);
});

test("a certificate that is served on though its key was revoked is due", async () => {
  await using opened = await openStorage();
  const { certificates, revokedKeys } = opened.storage;
  const { credential } = await certificates.save(host, certificateFor(host), { issuer: directory });
  const fingerprint = fingerprintOf(credential.key);
  await revokedKeys.save({ fingerprint, host, isInUse: true, untold: undefined });
  await using storage = await opened.reopen({ readOnly: true });
  const [row] = await storedRecords(config, storage, find);
  assert.deepEqual([row?.serial, row?.renewAt], [credential.serial, row?.notBefore]);
});

test("the row of a certificate that has expired says failed, whether an attempt has failed or not", async () => {
  await using opened = await openStorage();
  const { attempts, certificates } = opened.storage;
  const saved = await certificates.save(host, certificateFor(host), { issuer: directory });
  const stateAt = async (now: number) => {
    await opened.clock.advance(now - opened.clock.now());
    return (await storedRecords(config, opened.storage, find))[0]?.state;
  };
  const { notAfter, notBefore } = saved.credential;
  assert.equal(await stateAt(notBefore + 1_000), "valid");
  await attempts.save({
    ...{ host, kind: "refused", attempts: 1, nextAttemptAt: notAfter + 60_000 },
    ...{ turn: undefined, failedChallenge: undefined, configuration: "" },
    lastError: { type: "caa", detail: "CAA forbids", hint: "Change it", at: notBefore },
  });
  assert.equal(await stateAt(notAfter - 1), "failing");
  assert.equal(await stateAt(notAfter), "failed");
  await attempts.clear(host);
  assert.equal(await stateAt(notAfter), "failed");
});
