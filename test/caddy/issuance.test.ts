import assert from "node:assert/strict";
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import { after, test } from "node:test";
import type { CertificateRecord } from "../../src/base/certificate-record.ts";
import { systemClock } from "../../src/base/clock.ts";
import { Storage } from "../../src/storage/storage.ts";
import { settledRow } from "../support/ca-world.ts";
import { startCaddy } from "../support/caddy.ts";
import { makeCertificate } from "../support/certificates.ts";
import { type Outcome, runProgram } from "../support/client-program.ts";
import { entriesOf } from "../support/folders.ts";
import { Latchkey } from "../support/latchkey.ts";
import { keptLog, named } from "../support/stored.ts";
import { browse, handshake } from "../support/visit.ts";

const caddy = await startCaddy();
after(() => caddy[Symbol.asyncDispose]());

const HOST = "shop.example";
const HTTPS_PORT = 443;
const DAY_MS = 86_400_000;

interface Wishes {
  /** More of the keys of `acme`, of its issuer, and other hosts, as YAML text. */
  readonly acme?: string;
  readonly issuer?: string;
  readonly hosts?: string;
  readonly storage?: string;
}

/** Starts the program on the ports on which this CA validates. */
function start({ acme = "", issuer = "", hosts, ...rest }: Wishes = {}): Promise<Latchkey> {
  return Latchkey.start({
    listen: 'listen: { https: ["127.0.0.1:443"], http: ["127.0.0.1:80"] }',
    config: `workers: 1
acme: { issuers: [{ directory: "${caddy.directory}", trust: ${caddy.rootFile}${issuer} }]${acme} }
hosts: { ${hosts ?? `${HOST}: { respond: ok }`} }`,
    ...rest,
  });
}

test("its directory offers neither renewal information nor profiles", async () => {
  const { stdout } = await runProgram("curl", ["-sS", "--cacert", caddy.rootFile, caddy.directory]);
  const directory = JSON.parse(stdout);
  assert.equal(typeof directory.newOrder, "string");
  assert.equal(directory.renewalInfo, undefined);
  assert.equal(directory.meta?.profiles, undefined);
});

for (const challenge of ["http-01", "tls-alpn-01"]) {
  test(`a name and an address get certificates by ${challenge}, which are renewed by the schedule alone`, async () => {
    await using latchkey = await start({
      acme: `, challenges: [${challenge}]`,
      hosts: `${HOST}: { respond: name }, 127.0.0.1: { respond: address }`,
    });
    for (const host of [HOST, "127.0.0.1"]) {
      const row = await settledRow(latchkey, host);
      assert.equal(row.state, "valid", JSON.stringify(row.lastError));
      assert.equal(row.issuer, caddy.directory);
      assert.equal(row.servedSerial, row.serial);
      assert.equal(row.renewalInfo, null);
      assert.ok(isDueHalfway(row), `${row.notBefore} ${row.renewAt} ${row.notAfter}`);
    }
    const proofs = latchkey.lines.filter(({ event }) => event === "challenge.valid");
    assert.deepEqual(
      proofs.map((line) => line["challenge"]),
      [challenge, challenge],
    );
    const page = await browse(HTTPS_PORT, HOST, caddy.root);
    assert.deepEqual([page.status, page.body], [200, "name"]);
    assert.deepEqual(complaintsOf(latchkey), []);
  });
}

test("what is due is renewed unattended, and a restart after it orders nothing", async () => {
  const storage = join(caddy.folder, "due");
  const old = await saveDue(storage);
  let serial = "";
  const first = await askedDuring(async () => {
    await using latchkey = await start({ storage });
    serial = String((await latchkey.event("certificate.swapped"))["serial"]);
    assert.notEqual(serial, old);
    assert.equal((await handshake(HTTPS_PORT, HOST, caddy.root)).serial, serial);
    assert.equal(await latchkey.stop(), 0);
  });
  assert.deepEqual(first, { accounts: 1, orders: 1, issued: 1 });

  const second = await askedDuring(async () => {
    await using latchkey = await start({ storage });
    assert.equal((await handshake(HTTPS_PORT, HOST, caddy.root)).serial, serial);
    // The one that is asked for comes after whatever a start orders by itself.
    await renewAsked(latchkey);
    const row = await settledRow(latchkey, HOST);
    assert.notEqual(row.serial, serial);
    assert.equal((await handshake(HTTPS_PORT, HOST, caddy.root)).serial, row.serial);
  });
  assert.deepEqual(second, { accounts: 0, orders: 1, issued: 1 });
});

test("a profile that this CA does not have is told of and not asked for, and revoke HOST ends what it issued", async () => {
  await using latchkey = await start({ issuer: ", profile: shortlived" });
  const { serial } = await settledRow(latchkey, HOST);
  assert.equal(latchkey.count("order.without-profile"), 1);
  const { code, stdout, stderr } = await run("revoke", latchkey);
  assert.equal(code, 0, stderr);
  assert.match(stdout, new RegExp(`^${HOST}: ${serial} is revoked; `, "m"));
});

test("a change of keys, which this CA advertises and does not have, leaves the account as it was", async () => {
  const asked = await askedDuring(async () => {
    await using latchkey = await start();
    assert.equal((await settledRow(latchkey, HOST)).state, "valid");
    const keys = await accountKeys(latchkey);
    assert.equal(keys.length, 1);
    const { accounts } = await rollover(latchkey);
    assert.deepEqual([accounts.length, accounts[0].outcome], [1, "failed"]);
    assert.match(accounts[0].detail, /not implemented/);
    assert.deepEqual(await accountKeys(latchkey), keys);
    await renewAsked(latchkey);
  });
  assert.deepEqual(asked, { accounts: 1, orders: 2, issued: 2 });
});

/** What was asked of the CA meanwhile. */
async function askedDuring(work: () => Promise<void>): Promise<typeof caddy.asked> {
  const before = caddy.asked;
  await work();
  const { accounts, orders, issued } = caddy.asked;
  return {
    accounts: accounts - before.accounts,
    orders: orders - before.orders,
    issued: issued - before.issued,
  };
}

/** Is it to be renewed near the half of its life, as all with less than ten days are? */
function isDueHalfway(row: CertificateRecord): boolean {
  const time = (text: string | null) => Date.parse(text ?? "");
  const from = time(row.notBefore);
  const part = (time(row.renewAt) - from) / (time(row.notAfter) - from);
  return part >= 0.4 && part <= 0.5;
}

function complaintsOf({ lines }: Latchkey): readonly string[] {
  return lines.filter(({ level }) => level !== "info").map((line) => JSON.stringify(line));
}

/** Puts a certificate into a new storage that has ten of its 90 days left; its serial. */
async function saveDue(root: string): Promise<string> {
  await using storage = await Storage.open({ root, clock: systemClock, log: keptLog() });
  await storage.acquire(new AbortController().signal);
  const due = { notBefore: Date.now() - 80 * DAY_MS, notAfter: Date.now() + 10 * DAY_MS };
  const certificate = makeCertificate({ names: [HOST], ...due });
  const origin = { issuer: caddy.directory };
  return (await storage.certificates.save(named(HOST), certificate, origin)).credential.serial;
}

function run(command: "renew" | "revoke", { file }: Latchkey): Promise<Outcome> {
  return runProgram("sh", ["src/latchkey.sh", command, HOST, "--config", file]);
}

async function renewAsked(latchkey: Latchkey): Promise<void> {
  const { code, stderr } = await run("renew", latchkey);
  assert.equal(code, 0, stderr);
}

async function rollover({ storage }: Latchkey) {
  const socketPath = join(storage, "admin.sock");
  const asking = request({ socketPath, method: "POST", path: "/accounts/rollover" }).end();
  const [response]: IncomingMessage[] = await once(asking, "response");
  return Object(await json(response ?? assert.fail()));
}

/** Every file of a key of an account, and what is in it. */
async function accountKeys({ storage }: Latchkey): Promise<readonly string[]> {
  return (await entriesOf(storage))
    .filter(({ path }) => /^accounts\/.*\.key$/.test(path))
    .map(({ path, content }) => `${path} ${content}`);
}
