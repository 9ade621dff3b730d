import { join } from "node:path";
import type { AcmeTransport } from "../../src/acme/transport.ts";
import type { Facts } from "../../src/base/errors.ts";
import { Storage } from "../../src/storage/storage.ts";
import { Machine, type MachineParts, STAGING } from "../simulation/machine.ts";
import { SimulatedCa } from "../simulation/simulated-ca.ts";
import { VirtualClock, withoutSleep } from "../simulation/virtual-clock.ts";
import { makeCertificate } from "./certificates.ts";
import { FaultCa } from "./fault-ca.ts";
import type { FaultOutcome, FaultStory } from "./fault-story.ts";
import { temporaryFolder } from "./folders.ts";
import { startNameServer } from "./name-server.ts";
import { seeded } from "./seeded.ts";
import { keptLog, named } from "./stored.ts";

/**
 * Tells stories (JSON, an argument) on a virtual clock, one after another, with the real storage and
 * certificate floor, and prints what came of them (JSON). Time moves on when this process has nothing left
 * to do, which Node.js tells by `beforeExit`.
 */
const DAY = 86_400_000;
/** A program that has begun no order by then, and is to die, dies. */
const QUIET_LIFE_MS = 1_000;
const LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory";

async function tell(story: FaultStory): Promise<FaultOutcome> {
  const clock = new VirtualClock();
  const start = clock.now();
  const folder = await temporaryFolder();
  const root = join(folder.path, "storage");
  const answers = new Map<string, string>();
  const internet = { answer: (_host: string, token: string) => answers.get(token) };
  const { hasWindows = false, lifeMs = 90 * DAY, newHosts = [], elsewhere = [] } = story;
  const life = { lifeOf: () => lifeMs, longestLifeMs: lifeMs, hasWindows };
  const trueTime = {
    now: () => clock.trueNow,
    sleep: (ms: number, signal: AbortSignal) => clock.sleep(ms, signal),
  };
  const works = await SimulatedCa.open(trueTime, internet, life);
  const nameServer = await startNameServer((type, name) => ({
    answers: type === "A" ? [{ type: "A", name, data: "127.0.0.1" }] : [],
  }));
  nameServer.unref();
  if (story.isRenewal) {
    const leftMs = story.isRenewal === "fresh" ? 80 * DAY : 10 * DAY;
    await store(root, clock, story.hosts, leftMs);
  }
  for (const { at, byMs } of story.clockSteps ?? [])
    clock.at(start + at, () => {
      clock.stepMs = byMs;
    });

  const ca = new FaultCa(works.transport, trueTime, seeded(1));
  ca.fault = story.fault;
  const attempts: number[] = [];
  const attemptsOf: string[] = [];
  const inFlight = new Set<string>();
  let mostInFlight = 0;
  const failures: { at: number; type: string }[] = [];
  const issued: Record<string, number> = {};
  const { deaths } = story;
  let [deathsLeft, quietDeaths] = [deaths?.times ?? 0, 0];
  const parts: MachineParts = {
    ...{ root, clock, answers, nameServer: nameServer.address },
    hosts: [...story.hosts, ...newHosts],
    ca: { transport: ca, listener: works.listener },
    elsewhere: { hosts: elsewhere, transport: underName(works.transport, STAGING) },
    served: () => {},
    told: (event: string, facts: Facts) => {
      const at = clock.trueNow - start;
      if (event === "order.started") {
        attempts.push(at);
        attemptsOf.push(String(facts["host"]));
        inFlight.add(String(facts["host"]));
        mostInFlight = Math.max(mostInFlight, inFlight.size);
      } else if (/^certificate\.(?:issued|failed)$/.test(event))
        inFlight.delete(String(facts["host"]));
      if (event === "certificate.failed") failures.push({ at, type: String(facts["type"]) });
      if (event === "certificate.issued") issued[String(facts["host"])] = at;
      if (event === deaths?.at) void die();
    },
  };
  let machine = await Machine.boot(parts);
  const die = async (): Promise<void> => {
    if (deathsLeft === 0) return;
    deathsLeft -= 1;
    machine.stop();
    await machine.release();
    machine = await Machine.boot(parts);
    dieQuietly();
  };
  const dieQuietly = (): void => {
    const mortal = machine;
    if (deathsLeft === 0) return;
    clock.at(clock.now() + QUIET_LIFE_MS, () => {
      if (mortal !== machine || deathsLeft === 0) return;
      quietDeaths += 1;
      void die();
    });
  };
  dieQuietly();
  let stateAtMending = "";
  clock.at(start + story.mendedAt, () => {
    ca.fault = undefined;
    stateAtMending = machine.list()[0]?.state ?? "";
  });
  let retryMs: number | undefined;
  const [first = ""] = story.hosts;
  const retry = async () => {
    const askedAt = clock.now();
    await machine.obey(named(first), { action: "retry" });
    retryMs = clock.now() - askedAt;
  };
  if (story.retryAt !== undefined) clock.at(start + story.retryAt, () => void retry());
  await passed(clock, start + story.endsAt);
  const statesAtEnd = machine.list().map(({ state }) => state);

  machine.stop();
  await machine.release();
  await works[Symbol.asyncDispose]();
  await nameServer[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
  const requests = ca.requests.map(({ at, place }) => ({ at: at - start, place }));
  return {
    ...{
      requests,
      attempts,
      attemptsOf,
      mostInFlight,
      failures,
      issued,
      stateAtMending,
      statesAtEnd,
      quietDeaths,
      retryMs,
    },
  };
}

/** The same CA, found at another directory. */
function underName(ca: AcmeTransport, directory: string): AcmeTransport {
  return {
    request: (request, signal) =>
      ca.request(request.url === directory ? { ...request, url: LETS_ENCRYPT } : request, signal),
  };
}

/** Certificates of the public CA with 90 days, of which so many milliseconds are left, and a minute less for each next one. */
async function store(
  root: string,
  clock: VirtualClock,
  hosts: readonly string[],
  leftMs: number,
): Promise<void> {
  const storage = await Storage.open({ root, clock: withoutSleep(clock), log: keptLog() });
  await storage.acquire(new AbortController().signal);
  for (const [nth, host] of hosts.entries()) {
    const notAfter = clock.now() + leftMs - nth * 60_000;
    const stored = makeCertificate({ names: [host], notBefore: notAfter - 90 * DAY, notAfter });
    await storage.certificates.save(named(host), stored, { issuer: LETS_ENCRYPT });
  }
  await storage.close();
}

/** Resolves when all that was to happen until `end` has happened. */
function passed(clock: VirtualClock, end: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const move = (): void => {
    setImmediate(() => {}); // the process lives on, whatever the sleeper does
    if (clock.advance(end)) return;
    process.off("beforeExit", move);
    resolve();
  };
  process.on("beforeExit", move);
  return promise;
}

const stories: readonly FaultStory[] = JSON.parse(process.argv[2] ?? "[]");
const outcomes: FaultOutcome[] = [];
for (const story of stories) outcomes.push(await tell(story));
process.stdout.write(JSON.stringify(outcomes));
