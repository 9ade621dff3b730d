import { join } from "node:path";
import type { Facts } from "../../src/base/errors.ts";
import { Storage } from "../../src/storage/storage.ts";
import { Machine } from "../simulation/machine.ts";
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
const LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory";

async function tell(story: FaultStory): Promise<FaultOutcome> {
  const clock = new VirtualClock();
  const start = clock.now();
  const folder = await temporaryFolder();
  const root = join(folder.path, "storage");
  const answers = new Map<string, string>();
  const internet = { answer: (_host: string, token: string) => answers.get(token) };
  const life = { lifeOf: () => 90 * DAY, longestLifeMs: 90 * DAY, hasWindows: false };
  const works = await SimulatedCa.open(clock, internet, life);
  const nameServer = await startNameServer((type, name) => ({
    answers: type === "A" ? [{ type: "A", name, data: "127.0.0.1" }] : [],
  }));
  nameServer.unref();
  if (story.isRenewal === true) await storeDue(root, clock, story.hosts);

  const ca = new FaultCa(works.transport, clock, seeded(1));
  ca.fault = story.fault;
  const attempts: number[] = [];
  const failures: { at: number; type: string }[] = [];
  const issued: Record<string, number> = {};
  const machine = await Machine.boot({
    ...{ root, clock, answers, hosts: story.hosts, nameServer: nameServer.address },
    ca: { transport: ca, listener: works.listener },
    served: () => {},
    told: (event: string, facts: Facts) => {
      const at = clock.now() - start;
      if (event === "order.started") attempts.push(at);
      if (event === "certificate.failed") failures.push({ at, type: String(facts["type"]) });
      if (event === "certificate.issued") issued[String(facts["host"])] = at;
    },
  });
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

  machine.stop();
  await machine.release();
  await works[Symbol.asyncDispose]();
  await nameServer[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
  const requests = ca.requests.map(({ at, place }) => ({ at: at - start, place }));
  return { requests, attempts, failures, issued, stateAtMending, retryMs };
}

/** Certificates of the public CA that are due, and far from their end. */
async function storeDue(
  root: string,
  clock: VirtualClock,
  hosts: readonly string[],
): Promise<void> {
  const storage = await Storage.open({ root, clock: withoutSleep(clock), log: keptLog() });
  await storage.acquire(new AbortController().signal);
  for (const host of hosts) {
    const validity = { notBefore: clock.now() - 80 * DAY, notAfter: clock.now() + 10 * DAY };
    const due = makeCertificate({ names: [host], ...validity });
    await storage.certificates.save(named(host), due, { issuer: LETS_ENCRYPT });
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
