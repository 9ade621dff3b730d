import assert from "node:assert/strict";
import { once } from "node:events";
import { rename, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import tls from "node:tls";
import { Alarm } from "../../src/alert/alarm.ts";
import { channelsOf } from "../../src/alert/channels.ts";
import { Commands } from "../../src/certificate/commands.ts";
import { Durable } from "../../src/certificate/durable.ts";
import { PolicyGate } from "../../src/certificate/policy-gate.ts";
import { newHolding } from "../../src/certificate/records.ts";
import { lookAtServed } from "../../src/certificate/served.ts";
import { TroubleWatch } from "../../src/certificate/trouble-watch.ts";
import { Watchdog, type WatchdogSteps } from "../../src/certificate/watchdog.ts";
import { limits } from "../../src/config/limits.ts";
import { buildRoutes } from "../../src/config/route.ts";
import { configOf } from "../support/config-text.ts";
import { freePort } from "../support/free-port.ts";
import { heldCertificate } from "../support/held-certificate.ts";
import { named, openStorage } from "../support/stored.ts";
import { closeServer, makeCredential } from "../support/tls-door.ts";
import { Webhook } from "../support/webhook.ts";

/**
 * What watches and tells in the manager, on a real storage, with a real receiver; hosts are asked for at `ask`, and
 * names with a certificate are looked at as `looking` says.
 */
async function world(
  ask: string,
  looking: Pick<WatchdogSteps, "holdings" | "look"> = {
    holdings: () => [],
    look: async () => ({ kind: "unseen" }),
  },
) {
  const [opened, webhook] = [await openStorage(), await Webhook.open()];
  const { storage, root, clock, log } = opened;
  const stopping = new AbortController();
  const { signal } = stopping;
  const config = configOf(
    `alerts: { webhook: "${webhook.url}" }\nonDemand: { ask: "${ask}" }\nhosts: { "*.test": { respond: ok } }`,
  );
  const routes = buildRoutes(config.hosts);
  const findHost = (name: Parameters<typeof routes.findCertified>[0]) => routes.findCertified(name);
  const common = { config, clock, log, signal, findHost, holdings: () => [] };
  const durable = new Durable(storage, log, signal);
  const gate = new PolicyGate({ ...common, isKnown: () => false, spendOnDemand: async () => true });
  const watchdog = new Watchdog({
    ...{ ...common, ...looking, heldSerials: async () => new Map() },
    ...{ workers: () => 1, announceAgain: async () => {}, random: () => 0.5 },
  });
  const watch = new TroubleWatch({
    ...{ ...common, storage, asks: gate.asks, given: () => [], directoryOf: () => "x" },
    commands: new Commands({
      ...{ ...common, certificates: storage.certificates, store: storage.commandRuns },
    }),
    watchdog,
    deletions: { troubles: () => [] },
    revocations: { troubles: () => [], isUndecided: () => false },
    unbound: [],
    confirmWritable: () => durable.confirmWritable(),
    storageIsBack: () => {},
  });
  const channels = channelsOf({ alerts: config.alerts, machine: "edge1", clock, log });
  const alarms = channels.map((channel) => {
    const store = storage.toldTroubles.of(channel.name);
    const look = (lasted: (key: string) => boolean) => watch.look(lasted);
    return new Alarm({ clock, log, store, channel, look, mayTellUnsaved: () => true });
  });
  const running = Promise.all([
    ...alarms.map((alarm) => alarm.keepTelling(signal)),
    watch.run(signal),
    watchdog.run(signal),
  ]);
  /** Time goes by, a second at a turn, until the receiver has heard it. */
  const hears = async (event: string, state: string) => {
    const heard = webhook.notice(
      (notice) => notice["event"] === event && notice["state"] === state,
    );
    return await Promise.race([heard, passing(() => clock.advance(1_000), heard)]);
  };
  /** The same until the book on disk says so. What is told comes first while the disk fails. */
  const written = async (kind: string, state: string) => {
    const isThere = async () => {
      const pages = await storage.toldTroubles.of("webhook").load();
      return pages.some((page) => page.kind === kind && page.state === state);
    };
    while (!(await isThere())) clock.advance(1_000);
  };
  return {
    ...{ root, storage, clock, webhook, gate, hears, written },
    [Symbol.asyncDispose]: async () => {
      stopping.abort();
      await running;
      await opened[Symbol.asyncDispose]();
      await webhook[Symbol.asyncDispose]();
    },
  };
}

/** Never resolves: it goes on until `work` has ended. */
async function passing(tick: () => void, work: Promise<unknown>): Promise<never> {
  let isOver = false;
  const end = () => {
    isOver = true;
  };
  work.then(end, end);
  while (!isOver) {
    tick();
    await setImmediate();
  }
  return await new Promise(() => {});
}

const NOBODY = "http://127.0.0.1:1/allowed";

test("a storage that cannot be written is told of, although that cannot be written down, and so is its end", async () => {
  await using each = await world(NOBODY);
  await rename(each.root, `${each.root}.aside`);
  await writeFile(each.root, "no folder");
  const begun = await each.hears("storage.unwritable", "begun");
  assert.deepEqual([begun["severity"], begun["host"]], ["critical", null]);
  assert.match(String(begun["message"]), /cannot be written; nothing is ordered until it can$/);
  assert.match(String(begun["detail"]), /is not a folder$/);
  await rm(each.root);
  await rename(`${each.root}.aside`, each.root);
  await each.hears("storage.unwritable", "recovered");
  await each.written("storage.unwritable", "recovered");
});

test("a lease that another program has taken is told of, and so is its return", async () => {
  await using each = await world(NOBODY);
  await rm(join(each.root, "lock"));
  await writeFile(join(each.root, "lock"), "another's");
  const begun = await each.hears("storage.lease-lost", "begun");
  assert.equal(begun["severity"], "critical");
  assert.match(String(begun["hint"]), /^Two programs run on one storage/);
  await each.hears("storage.lease-lost", "recovered");
  assert.equal(each.storage.isLeaseLost, false);
});

test("a service that gives no answer for five minutes is told of, without its path, and so is its first answer", async () => {
  const service = createServer((_, response) => response.writeHead(404).end());
  const port = await freePort();
  await using each = await world(`http://127.0.0.1:${port}/allowed?key=secret`);
  const decide = (name: string) => each.gate.decide(named(name));
  await decide("a.test");
  each.clock.advance(limits.askSilentMs);
  await decide("b.test");
  const begun = await each.hears("on-demand.ask-failing", "begun");
  assert.deepEqual(
    [begun["host"], begun["severity"], begun["detail"]],
    [`127.0.0.1:${port}`, "critical", "No answer for 5 min"],
  );
  assert.ok(!JSON.stringify(each.webhook.received).includes("secret"));
  await once(service.listen(port, "127.0.0.1"), "listening");
  await decide("c.test");
  await each.hears("on-demand.ask-failing", "recovered");
  await closeServer(service);
});

test("a door that nobody opens to the clients of a host with a certificate is told of, and so is that it is open", async () => {
  const holding = newHolding(named("a.example"), true);
  const { chain, key, serial } = makeCredential(holding.host);
  holding.certificate = heldCertificate({ serial, notAfter: Number.MAX_SAFE_INTEGER });
  const server = tls.createServer({ cert: chain, key });
  const port = await freePort();
  await using each = await world(NOBODY, {
    holdings: () => [holding],
    look: (host) => lookAtServed({ host: "127.0.0.1", port }, host),
  });
  const begun = await each.hears("certificate.unserved", "begun");
  assert.deepEqual(
    [begun["host"], begun["severity"], begun["detail"]],
    ["a.example", "critical", "A connection of our own: the connection was refused"],
  );
  await once(server.listen(port, "127.0.0.1"), "listening");
  await each.hears("certificate.unserved", "recovered");
  await closeServer(server);
});
