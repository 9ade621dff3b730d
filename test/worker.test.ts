import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import type { IssuanceNews } from "../src/process/certificate-news.ts";
import type { Envelope, Message } from "../src/process/messages.ts";
import { envelope, readEnvelope } from "../src/process/read-message.ts";
import { configOf } from "./support/config-text.ts";
import { startPiped } from "./support/piped-child.ts";
import { hostname, makeCredential } from "./support/tls-door.ts";

const noBackends = { cookieSecret: "", drained: [], checked: [] };
const file = join(import.meta.dirname, "../src/worker.ts");

test("a worker that cannot listen says so and ends, for another one to take its place", async () => {
  const said: Message[] = [];
  const hear = (value: unknown) =>
    void said.push(...[readEnvelope(value)?.message].filter(isMessage));
  using child = startPiped(file, "worker 1", hear);
  child.say(envelope("supervisor", "worker 1", configure([99]))); // nothing is open there
  const [code] = await once(child.process, "exit", { signal: AbortSignal.timeout(10_000) });
  assert.equal(code, 1);
  const fatal = said.find(({ type }) => type === "fatal");
  assert.equal(fatal?.type === "fatal" && fatal.code, "LISTEN_FAILED");
});

test("D11: a worker that hears of an older certificate after a newer one, or of one with another key, serves the newer one", async () => {
  const host = hostname("up.localhost");
  const [newer, older, other] = [makeCredential(host), makeCredential(host), makeCredential(host)];
  const serials: (string | undefined)[] = [];
  const heard = new EventEmitter();
  using child = startPiped(file, "worker 1", (value) => {
    const message = readEnvelope(value)?.message;
    if (message?.type === "state.ask") {
      // All in one read: the answer is obeyed after what follows it.
      const state = { challenges: [], ticketMaster: "", backends: noBackends };
      const unsaved = [{ host, issuance: 1, ...older }];
      child.say(fromManager({ type: "state.answer", ask: message.ask, ...state, unsaved }));
      const late = { ...newer, key: other.key };
      announce(1, { host, issuance: 3, held: newer });
      announce(2, { host, issuance: 2, held: older });
      announce(3, { host, issuance: 2, held: undefined });
      announce(4, { host, issuance: 4, held: late });
    }
    if (message?.type === "certificate.acknowledged" && serials.push(message.serial) === 4)
      child.say(fromManager({ type: "serial.ask", ask: 1, host }));
    if (message?.type === "serial.answer") heard.emit("serial", message.serial);
  });
  const announce = (announcement: number, news: IssuanceNews) =>
    child.say(fromManager({ type: "certificate.announce", announcement, ...news }));
  const answered = once(heard, "serial", { signal: AbortSignal.timeout(10_000) });
  child.say(envelope("supervisor", "worker 1", configure([])));
  assert.deepEqual(await answered, [newer.serial]);
  assert.deepEqual(new Set(serials), new Set([newer.serial, undefined])); // undefined: the bad one
});

function fromManager(message: Message): Envelope {
  return envelope("manager", "worker 1", message);
}

function configure(httpsFds: readonly number[]): Message {
  return {
    type: "configure",
    config: configOf("hosts: { up.localhost: { respond: ok } }"),
    httpsFds,
    httpFds: [],
    accessLogFd: undefined,
    startedAt: 0,
    configuredAt: 0,
    rejection: undefined,
    era: 0,
    place: 0,
    unsaved: [],
    reach: { https: [], http: [] },
    unbound: [],
  };
}

function isMessage(message: Message | undefined): message is Message {
  return message !== undefined;
}
