import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cp, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { readCurrent } from "../../src/storage/read-certificate.ts";
import { Storage } from "../../src/storage/storage.ts";
import { pathsOf, temporaryFolder } from "../support/folders.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { certificateFor, directory, keptLog, named } from "../support/stored.ts";

const host = named("store.shop.example");
const program = join(import.meta.dirname, "storage-program.ts");
const before = [certificateFor(host), certificateFor(host)] as const;
const after = certificateFor(host);
/** No issuance makes so many calls of one kind; a sweep that gets here does not end by itself. */
const CALLS_MAX = 100;

interface World {
  /** Makes a storage as it is before the issuance, and returns its root. */
  copy(name: string): Promise<string>;
  /** Runs the issuance with `fault` inflicted on the given call; the exit code, or the signal. */
  run(root: string, call: string, fault: string): number | string;
}

async function makeWorld(t: TestContext): Promise<World> {
  const folder = await temporaryFolder();
  t.after(() => folder[Symbol.asyncDispose]());
  const chain = join(folder.path, "chain.pem");
  const key = join(folder.path, "key.pem");
  await writeFile(chain, after.chain);
  await writeFile(key, after.key);
  const template = join(folder.path, "template");
  await mkdir(template, { mode: 0o700 });
  await issueTwice(template);
  return {
    copy: async (name) => {
      const root = join(folder.path, name);
      await cp(template, root, { recursive: true, verbatimSymlinks: true });
      return root;
    },
    run: (root, call, fault) => {
      const inject = ["-e", `trace=${call}`, "-e", `inject=${call}:${fault}`];
      const strace = ["-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", ...inject];
      const command = [process.execPath, program, root, chain, key];
      // One thread makes all calls on files: strace counts them thread by thread.
      const env = { ...process.env, UV_THREADPOOL_SIZE: "1", NODE_OPTIONS: "" };
      const { status, signal } = spawnSync("strace", [...strace, ...command], {
        env,
        timeout: 30_000,
      });
      return status ?? signal ?? "unknown";
    },
  };
}

async function issueTwice(root: string): Promise<void> {
  await using storage = await openStorage(root);
  for (const credential of before) {
    await storage.certificates.save(host, credential, { issuer: directory });
  }
  await storage.orders.save({
    host,
    directory,
    orderUrl: `${directory}/order/1`,
    key: before[1].key,
    createdAt: 1_000,
  });
  await storage.attempts.save({
    host,
    kind: "refused",
    attempts: 1,
    nextAttemptAt: 0,
    lastError: { type: "a", detail: "b", hint: undefined, at: 0 },
  });
}

async function openStorage(root: string): Promise<Storage> {
  const clock = new ManualClock();
  const storage = await Storage.open({ root, clock, log: keptLog() });
  // A program killed while it made the lock leaves it empty: that one is waited for, by this clock.
  const { outcome } = await clock.until(storage.acquire(new AbortController().signal), 1);
  assert.equal(outcome.status, "fulfilled");
  return storage;
}

/** What must hold of a storage whatever has happened to the program that wrote into it. */
async function assertWhole(root: string): Promise<void> {
  const certificates = join(root, "certificates");
  const read = await readCurrent(certificates, host);
  const known: readonly unknown[] = [before[1].key, after.key];
  assert.ok(known.includes(read?.credential.key), "a reader finds the old or the new certificate");

  await using storage = await openStorage(root);
  const loaded = await storage.certificates.load(host);
  assert.equal(loaded?.credential.key, read?.credential.key, "the next program finds the same");
  const order = await storage.orders.load(host);
  const urls: Readonly<Record<string, string>> = {
    [before[1].key]: `${directory}/order/1`,
    [after.key]: `${directory}/order/2`,
  };
  if (order !== undefined) assert.equal(order.orderUrl, urls[order.key], "an order has its key");
  await storage.attempts.load(host);

  const next = certificateFor(host);
  const saved = await storage.certificates.save(host, next, { issuer: directory });
  assert.deepEqual(await readCurrent(certificates, host), saved, "the next certificate is saved");
  const left = (await pathsOf(root)).filter((path) => /(^|\/)\.tmp-/.test(path));
  assert.deepEqual(
    left.filter((path) => !/^(orders|quarantine)\//.test(path)),
    [],
    "nothing half written remains",
  );
}

/** Inflicts `fault` on the first, second … call of a kind, until the issuance has no more of them. */
async function sweep(
  world: World,
  call: string,
  faultAt: (nth: number) => string,
  check: (root: string, outcome: number | string) => Promise<void>,
): Promise<number> {
  for (let nth = 1; nth <= CALLS_MAX; nth += 1) {
    const root = await world.copy(`${nth}`);
    const outcome = world.run(root, call, faultAt(nth));
    await check(root, outcome);
    if (outcome === 0) return nth - 1;
  }
  assert.fail(`more than ${CALLS_MAX} calls`);
}

/** The faults, and how many calls meet them at the least: a sweep that stops short of it has shown nothing. */
const errors = [
  { call: "?pwrite64", error: "ENOSPC", atLeast: 6 },
  { call: "?fsync", error: "EIO", atLeast: 12 },
  { call: "?rename,?renameat,?renameat2", error: "EROFS", atLeast: 5 },
  { call: "?symlink,?symlinkat", error: "ENOSPC", atLeast: 1 },
];

for (const { call, error, atLeast } of errors) {
  test(`S4: ${error} at any ${nameOf(call)} of a renewal is a failure that leaves storage whole`, async (t) => {
    const world = await makeWorld(t);
    // From that call on for ever: the disk does not come back while the program runs.
    const failures = await sweep(
      world,
      call,
      (nth) => `error=${error}:when=${nth}+`,
      async (root, outcome) => {
        assert.ok(outcome === 0 || outcome === 3, `ended with ${outcome}`);
        await assertWhole(root);
      },
    );
    t.diagnostic(`failed at ${failures} calls`);
    assert.ok(failures >= atLeast);
  });
}

/** `?rename,?renameat` → `rename`. */
function nameOf(call: string): string {
  return call.replace(/^\?(\w+).*/, "$1");
}
