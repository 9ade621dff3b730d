import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";
import type { CertificateRecord } from "../../src/base/certificate-record.ts";
import { readCurrent } from "../../src/storage/read-certificate.ts";
import { Storage } from "../../src/storage/storage.ts";
import { makeCertificate } from "../support/certificates.ts";
import { endOf, FaultyIssuance, host } from "../support/faulty-issuance.ts";
import { temporaryFolder } from "../support/folders.ts";
import { amount } from "../support/full-numbers.ts";
import { HttpsAuthority } from "../support/https-authority.ts";
import { hurriedClock, Issuing } from "../support/issuing.ts";
import { Latchkey } from "../support/latchkey.ts";
import { keptLog, named } from "../support/stored.ts";
import { shakeHands } from "../support/visitor.ts";

const config = "workers: 1\nhosts:\n  a.localhost: { respond: ok }\n";
const DAY = 86_400_000;

test("a second program on one storage says who holds it and ends; the first one goes on, with one order", async () => {
  await using first = await Latchkey.start({ config });
  await first.event("certificate.swapped");
  const served = await shakeHands(first, "a.localhost");
  await using second = await Latchkey.spawn({ config, storage: first.storage });
  assert.equal(await second.exited, 1);
  const manager = await first.event("process.ready", ({ child }) => child === "manager");
  assert.match(second.stderr, /another program holds its lease/);
  assert.ok(second.stderr.includes(`process ${manager["pid"]}`), second.stderr);
  assert.equal(second.count("order.started"), 0);
  assert.deepEqual(await shakeHands(first, "a.localhost"), served);
  assert.equal(first.count("order.started"), 1);
  assert.equal(first.count("storage.lease-lost"), 0);
});

const hosts = Array.from({ length: 50 }, (_, nth) => named(`shop-${nth}.test`));
const RUNS = amount(3, 20);
const ca = await HttpsAuthority.start();
const folder = await temporaryFolder();
after(async () => {
  await ca[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const open = (root: string) =>
  Issuing.open({ root, hosts, directory: ca.directory, ca: ca.address });

/** A storage in which every host is due, and has days left. */
async function storeDue(root: string): Promise<void> {
  const storage = await Storage.open({ root, clock: hurriedClock, log: keptLog() });
  await storage.acquire(new AbortController().signal);
  const validity = { notBefore: Date.now() - 80 * DAY, notAfter: Date.now() + 10 * DAY };
  for (const name of hosts) {
    const due = makeCertificate({ names: [name], ...validity });
    await storage.certificates.save(name, due, { issuer: ca.directory });
  }
  await storage.close();
}

/** Two that start at once: the one that has the lease, the other being told so. */
async function openBoth(root: string): Promise<Issuing> {
  const opened = await Promise.allSettled([open(root), open(root)]);
  const codes = opened.flatMap((each) => (each.status === "rejected" ? each.reason.code : []));
  const [winner] = opened.flatMap((each) => (each.status === "fulfilled" ? each.value : []));
  assert.deepEqual(codes, ["STORAGE_LOCKED"]);
  return winner ?? assert.fail("nobody has it");
}

test(`S10: of two programs that start at once on a storage with 50 renewals one has it and places 50 orders, the other places none after it, ${RUNS} times of ${RUNS}`, async () => {
  const template = join(folder.path, "template");
  await storeDue(template);
  for (let run = 1; run <= RUNS; run += 1) {
    const root = join(folder.path, `${run}`);
    await cp(template, root, { recursive: true, verbatimSymlinks: true });
    const before = ca.orders;
    let renewed: readonly unknown[];
    {
      await using first = await openBoth(root);
      await first.run();
      await until(() => first.floor.list().every(isRenewed));
      await first.settled();
      renewed = serialsOf(first);
    }
    await using second = await open(root);
    await second.run();
    assert.deepEqual(serialsOf(second), renewed);
    assert.equal(ca.orders - before, hosts.length, `run ${run}`);
  }
});

const serialsOf = ({ floor }: Issuing) =>
  floor.list().map(({ host: name, serial }) => [name, serial]);

function isRenewed({ state, notAfter, attempts }: CertificateRecord): boolean {
  const isNew = Date.parse(notAfter ?? "") < Date.now() + 9 * DAY; // this CA's live for a week
  return state === "valid" && isNew && attempts === 0;
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
}

/** Where the owner of the lease is when it is killed: what it asks, and whether the CA has acted on it. */
const moments = [
  { at: "/new-order", isDone: true, orders: 2 }, // nobody knows of the first one
  { at: "/authorization/", isDone: false, orders: 1 },
  { at: "/challenge/", isDone: true, orders: 1 },
  { at: "/finalize/", isDone: false, orders: 1 },
  { at: "/finalize/", isDone: true, orders: 1 },
  { at: "/certificate/", isDone: false, orders: 1 },
  { at: "/certificate/", isDone: true, orders: 1 },
] as const;

for (const { at, isDone, orders } of moments) {
  test(`S11: an owner of the lease that is killed ${isDone ? "after" : "before"} ${at} is followed by the program that waits, with ${orders} orders in all`, async () => {
    await using world = await FaultyIssuance.start("nothing");
    const root = await world.copy();
    const first = world.start(root);
    const started = Promise.withResolvers<ChildProcess>();
    const kill = (path: string) => {
      if (!path.startsWith(at) || first.killed) return false;
      started.resolve(world.start(root));
      return first.kill("SIGKILL");
    };
    world.ca.hooks = isDone
      ? { after: (path, answer) => (kill(path) ? true : answer) }
      : { before: (path) => void (kill(path) && assert.fail("nobody waits for it any more")) };
    const second = await started.promise;
    assert.equal(await endOf(first), "SIGKILL");
    assert.equal(await endOf(second), 0);
    assert.equal(world.ca.orders, orders);
    const stored = await readCurrent(join(root, "certificates"), host);
    assert.equal(stored?.fellBack, false);
  });
}
