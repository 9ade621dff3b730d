import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { AcmeProblem } from "../../src/acme/problem.ts";
import { LatchkeyError } from "../../src/base/errors.ts";
import { CaAccess } from "../../src/certificate/ca-access.ts";
import { CertificateKeeper } from "../../src/certificate/ensure.ts";
import { Holdings } from "../../src/certificate/holdings.ts";
import { Preflight } from "../../src/certificate/preflight.ts";
import { rememberAttempts } from "../../src/certificate/remember-attempts.ts";
import { Resolver } from "../../src/dns/resolver.ts";
import { configOf } from "../support/config-text.ts";
import { type NameServer, type Said, startNameServer } from "../support/name-server.ts";
import { named, type OpenStorage, openStorage } from "../support/stored.ts";

const ACME = "urn:ietf:params:acme:error:";
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const HOST = named("shop.example");
const CA = "https://ca.example/directory";
/** What never comes must not hold up the suite. */
const patient = { timeout: 20_000 };

const config = configOf(
  `acme: { issuers: [{ directory: "${CA}" }] }\nhosts: { ${HOST}: { respond: ok } }`,
);
const [entry] = config.hosts;
const [issuer] = config.acme.issuers;
const silent = { request: () => new Promise<never>(() => {}) };

const caa = (value: string): Said => ({
  answers: [{ type: "CAA", name: HOST, data: { flags: 0, tag: "issue", value } }],
});

/** DNS in which only another CA may certify the name, until it is repaired. */
async function brokenDns() {
  let isRepaired = false;
  const server = await startNameServer((type, name) =>
    type === "CAA" && name === HOST
      ? caa(isRepaired ? "ca.example" : "other.example")
      : { answers: [] },
  );
  return {
    server,
    repair: () => {
      isRepaired = true;
    },
    break: () => {
      isRepaired = false;
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

const forbidden = (): Promise<never> =>
  Promise.reject(new AcmeProblem("order", problem(`${ACME}caa`)));

function problem(type: string) {
  return { type, detail: "no", status: 403, subproblems: [], instance: undefined };
}

/** A manager on a storage, as far as attempts and the looks between them go; another one is its successor. */
function startProgram({ storage, clock, log }: OpenStorage, server: NameServer) {
  const ending = new AbortController();
  const { signal } = ending;
  const holdings = new Holdings();
  const findHost = () => entry;
  const asked: string[] = [];
  const cas = new CaAccess({
    ...{ config, storage, findHost, clock, log, signal },
    authority: { directory: "https://internal.example/", transport: silent },
    transportTo: () => ({
      request: async ({ url }) => {
        asked.push(url);
        const body = JSON.stringify({ meta: { caaIdentities: ["ca.example"] } });
        return { status: 200, headers: {}, body };
      },
    }),
  });
  const random = () => 0.5;
  const resolvers = { servers: [server.address], timeoutMs: 5_000, tries: 1 };
  const attempts = rememberAttempts(
    { config, storage, findHost, clock, log, random },
    { holdings, cas },
  );
  const due = Promise.withResolvers<void>();
  const preflight = new Preflight({
    ...{ holdings, clock, log, random },
    ...{ resolver: new Resolver(resolvers), resolvers },
    dnsEntriesFor: () => [],
    arm: async () => () => {},
    look: async () => ({ kind: "unknown" }),
    caaIdentitiesFor: (holding) => cas.caaIdentitiesFor(holding),
    directoryFor: (holding) => cas.directoryFor(holding),
    probe: async () => {
      probes += 1;
    },
    moved: () => due.resolve(),
    remember: (holding) => attempts.remember(holding),
  });
  const looks: Promise<void>[] = [];
  let probes = 0;
  let order = forbidden;
  const keeper = new CertificateKeeper(
    {
      decide: async () => ({ kind: "allowed", issuers: config.acme.issuers, listed: true }),
      isWanted: () => true,
      isRevoked: () => false,
      directoryOf: () => CA,
      waitFor: () => undefined,
      reopen: () => {},
      load: async () => undefined,
      store: async () => {},
      swap: async () => undefined,
      order: async () => {
        const { transport } = cas.endpoints.of(issuer ?? assert.fail());
        await transport.request({ method: "GET", url: CA, headers: {}, body: undefined }, signal);
        return await order();
      },
      moved: () => {},
      failed: (holding) => void looks.push(preflight.lookAfterFailure(holding, signal)),
    },
    { holdings, attempts, queue: cas.queue },
    { renewal: config.renewal, clock, log, signal, era: 0 },
  );
  const holding = () => holdings.get(HOST) ?? assert.fail();
  return {
    asked,
    start: () => keeper.recall.adopt(HOST, true),
    /** An attempt that the CA refuses, and what is looked at after it. */
    fail: async () => {
      await keeper.renew(holding());
      await Promise.all(looks);
    },
    failOf: (error: Error) => {
      order = () => Promise.reject(error);
    },
    probes: () => probes,
    /** An attempt that does not end while this program lives. */
    hang: async () => {
      const begun = Promise.withResolvers<void>();
      order = () => {
        begun.resolve();
        return new Promise<never>(() => {});
      };
      void keeper.renew(holding());
      await begun.promise;
    },
    /** Ten minutes later. */
    look: () => {
      clock.advance(10 * MINUTE);
      return preflight.lookAtAll(signal);
    },
    run: () => void preflight.run(signal),
    due: due.promise,
    isDue: () => (holding().nextAttemptAt ?? 0) <= clock.now(),
    kill: () => ending.abort(),
  };
}

test(
  "a cause that is repaired before the first look between attempts is news: it was looked at when it made the name fail",
  patient,
  async () => {
    await using opened = await openStorage();
    await using dns = await brokenDns();
    const program = startProgram(opened, dns.server);
    await program.start();
    await program.fail(); // 12:00
    opened.clock.advance(MINUTE);
    dns.repair();
    await program.look();
    assert.ok(program.isDue());
    assert.equal(opened.log.only("preflight.cleared")["type"], `${ACME}caa`);
    program.kill();
  },
);

test(
  "a cause that is repaired just before a reload is found repaired by the next manager, without a word to the CA",
  patient,
  async () => {
    await using opened = await openStorage();
    await using dns = await brokenDns();
    const before = startProgram(opened, dns.server);
    await before.start();
    await before.fail();
    opened.clock.advance(5 * MINUTE);
    dns.repair();
    before.kill();
    const after = startProgram(opened, dns.server);
    await after.start();
    assert.equal(after.isDue(), false);
    after.run();
    await after.due;
    assert.ok(after.isDue());
    assert.deepEqual(after.asked, []);
    after.kill();
  },
);

test(
  "a kill in the middle of an attempt leaves the cause of the one before, and its repair is news",
  patient,
  async () => {
    await using opened = await openStorage();
    await using dns = await brokenDns();
    const before = startProgram(opened, dns.server);
    await before.start();
    for (let attempts = 0; attempts < 4; attempts += 1) {
      await before.fail();
      opened.clock.advance(25 * HOUR);
    }
    await before.hang();
    before.kill();
    const after = startProgram(opened, dns.server);
    await after.start();
    await after.look();
    assert.equal(after.isDue(), false, "still broken");
    dns.repair();
    await after.look();
    assert.ok(after.isDue());

    // And killed in that one, too: perhaps because of it. One more a day, not one at each start.
    await after.hang();
    after.kill();
    const dues: boolean[] = [];
    for (let start = 0; start < 3; start += 1) {
      const next = startProgram(opened, dns.server);
      await next.start();
      await next.look();
      dues.push(next.isDue());
      if (next.isDue()) await next.hang();
      next.kill();
      opened.clock.advance(MINUTE);
    }
    assert.deepEqual(dues, [false, false, false]);
  },
);

test(
  "a cause that only the CA sees is no news, whether the program is started anew or not",
  patient,
  async () => {
    await using opened = await openStorage();
    await using dns = await brokenDns();
    dns.repair();
    const before = startProgram(opened, dns.server);
    await before.start();
    await before.fail();
    await before.look();
    before.kill();
    const after = startProgram(opened, dns.server);
    await after.start();
    await after.look();
    assert.equal(after.isDue(), false);
  },
);

test(
  "a cause comes back as often as it is seen again, and once for each failure",
  patient,
  async () => {
    await using opened = await openStorage();
    await using dns = await brokenDns();
    const program = startProgram(opened, dns.server);
    await program.start();
    await program.fail();
    dns.repair();
    await program.look();
    assert.ok(program.isDue());
    await program.fail(); // the CA's name servers have not heard of it yet
    await program.look();
    assert.equal(program.isDue(), false);
    dns.break();
    await program.look();
    dns.repair();
    await program.look();
    assert.ok(program.isDue());
    program.kill();
  },
);

test(
  "failures that a program of before wrote down without their cause are looked at by their error",
  patient,
  async () => {
    await using opened = await openStorage();
    const { clock, root, storage } = opened;
    const at = new Date(clock.now()).toISOString();
    await storage.attempts.save({
      ...{ host: HOST, kind: "refused", attempts: 4, nextAttemptAt: clock.now() + 24 * HOUR },
      lastError: { type: `${ACME}dns`, detail: "no", hint: undefined, at: clock.now() },
    });
    const record = { version: 1, host: HOST, kind: "refused", attempts: 4 };
    const nextAttemptAt = new Date(clock.now() + 24 * HOUR).toISOString();
    const lastError = { type: `${ACME}dns`, detail: "no", at };
    await writeFile(
      join(root, "attempts", `${HOST}.json`),
      JSON.stringify({ ...record, nextAttemptAt, lastError }),
    );
    let isThere = false;
    await using server = await startNameServer((type) =>
      type === "A" && isThere
        ? { answers: [{ type: "A", name: HOST, data: "192.0.2.1" }] }
        : { rcode: "NXDOMAIN" },
    );
    const program = startProgram(opened, server);
    await program.start();
    await program.look();
    assert.equal(program.isDue(), false);
    isThere = true;
    await program.look();
    assert.ok(program.isDue());
    program.kill();
  },
);

test(
  "a disk that cannot be written is seen by that: it is not tried, nor written into, once more at each failure",
  patient,
  async () => {
    await using opened = await openStorage();
    await using dns = await brokenDns();
    const program = startProgram(opened, dns.server);
    await program.start();
    program.failOf(new LatchkeyError("STORAGE_FAILED", "Cannot write: the disk is full"));
    await program.fail();
    assert.equal(program.probes(), 0);
    program.kill();
  },
);
