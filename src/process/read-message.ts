import { isIP } from "node:net";
import { parseCertificateName } from "../base/certificate-name.ts";
import { CLASSES, TOTALS } from "../base/counts.ts";
import { parseUriHost } from "../base/uri-host.ts";
import { limits } from "../config/limits.ts";
import { type Address, type Envelope, type Message, PROTOCOL_VERSION } from "./messages.ts";

type Check = (value: unknown) => boolean;
type Shape = Readonly<Record<string, Check>>;

const isText: Check = (value) => typeof value === "string";
const isCount: Check = (value) => Number.isSafeInteger(value) && Number(value) >= 0;
const isFlag: Check = (value) => typeof value === "boolean";
const isObject: Check = (value) => typeof value === "object" && value !== null;
const isList: Check = Array.isArray;
const isHost: Check = (value) => typeof value === "string" && parseUriHost(value) === value;
const isName: Check = (value) =>
  typeof value === "string" && parseCertificateName(value) !== undefined;
const isAddressOfClient: Check = (value) => typeof value === "string" && isIP(value) !== 0;
const orAbsent =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);
const listOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check);
const shaped =
  (shape: Shape): Check =>
  (value) =>
    hasShape(value, shape);

const credentialFiles: Shape = { chain: isText, key: isText };
const heldCredential = shaped({ host: isName, issuance: isCount, ...credentialFiles });
const unsavedCertificate = shaped({ host: isName, issuer: isText, ...credentialFiles });
const armedChallenge: Check = (value) =>
  hasShape(value, { id: isCount, type: isText, host: isHost }) &&
  (hasShape(value, {
    type: (type) => type === "http-01",
    token: isText,
    keyAuthorization: isText,
  }) ||
    hasShape(value, { type: (type) => type === "tls-alpn-01", chain: isText, key: isText }));
const outcome: Check = (value) =>
  hasShape(value, {
    kind: (kind) => ["stored", "refused", "spent", "unavailable"].includes(String(kind)),
  }) || hasShape(value, { kind: (kind) => kind === "held", credential: heldCredential });

const place: Shape = { host: isText, path: isText, backend: isText };
const backendsNews = shaped({
  cookieSecret: isText,
  drained: listOf(shaped(place)),
  checked: listOf(shaped({ ...place, isHealthy: isFlag })),
});

const reloadOutcome: Check = (value) =>
  hasShape(value, { kind: (kind) => kind === "accepted", changes: listOf(isText) }) ||
  hasShape(value, {
    kind: (kind) => kind === "rejected",
    why: isText,
    faults: listOf(isText),
  });

const crashing = shaped({
  count: isCount,
  child: isAddress,
  code: orAbsent(isCount),
  signal: orAbsent(isText),
});

const isAmount: Check = (value) => typeof value === "number" && value >= 0 && value < Infinity;
const listOfAmounts =
  (length: number): Check =>
  (value) =>
    Array.isArray(value) && value.length === length && value.every(isAmount);
const workerCounts = shaped({
  totals: listOfAmounts(TOTALS),
  hosts: (hosts) =>
    Array.isArray(hosts) &&
    hosts.length <= limits.metricsHostsMax + 1 &&
    hosts.every(shaped({ host: isText, answers: listOfAmounts(CLASSES.length) })),
  connectionsOpen: isAmount,
  requestsUnderWay: isAmount,
});

const isShort: Check = (value) => typeof value === "string" && value.length <= 64;
const spent: Shape = { scope: isShort, client: isShort, count: isCount };
const spentList =
  (shape: Shape): Check =>
  (value) =>
    Array.isArray(value) && value.length <= limits.rateNewsMax && value.every(shaped(shape));

/** What each message must look like; a type missing here is not a message. */
const SHAPES: Readonly<Record<Message["type"], Shape>> = {
  configure: {
    config: isObject,
    httpsFds: isList,
    httpFds: isList,
    unbound: isList,
    unsaved: listOf(unsavedCertificate),
    era: isCount,
    place: isCount,
    rejection: orAbsent(isText),
  },
  peers: {
    manager: (state) => ["ready", "starting", "away"].includes(String(state)),
    workers: listOf(shaped({ index: isCount, pid: isCount, isDraining: isFlag })),
    crashing: orAbsent(crashing),
  },
  drain: { deadlineMs: isCount, isReplaced: isFlag },
  ready: {},
  heartbeat: {},
  closed: {},
  fatal: { code: isText, detail: isText },
  "state.ask": { ask: isCount },
  "certificate.ask": { ask: isCount, host: isName, client: orAbsent(isAddressOfClient) },
  "policy.ask": { ask: isCount, host: isHost, client: orAbsent(isAddressOfClient) },
  "policy.answer": { ask: isCount, isAllowed: isFlag },
  "serial.ask": { ask: isCount, host: isName },
  "serial.answer": { ask: isCount, serial: orAbsent(isText) },
  "counts.ask": { ask: isCount, withDelays: isFlag },
  "counts.answer": {
    ask: isCount,
    counts: workerCounts,
    use: shaped({ process: isText, residentBytes: isAmount, cpuSeconds: isAmount }),
    delays: orAbsent(shaped({ p99: isAmount, max: isAmount })),
  },
  "strain.news": { strain: shaped({ refusing: orAbsent(isText), accessLog: orAbsent(isText) }) },
  "rates.spent": { spent: spentList(spent) },
  "rates.news": { spent: spentList({ ...spent, worker: isCount }) },
  "counts.last": { counts: workerCounts },
  "challenge.acknowledged": { challenge: isCount },
  "certificate.acknowledged": { announcement: isCount, host: isName, serial: orAbsent(isText) },
  "state.answer": {
    ask: isCount,
    challenges: listOf(armedChallenge),
    unsaved: listOf(heldCredential),
    ticketMaster: isText,
    backends: backendsNews,
  },
  "certificate.answer": { ask: isCount, outcome },
  "challenge.arm": { challenge: armedChallenge },
  "challenge.disarm": { challenge: isCount },
  "certificate.announce": {
    announcement: isCount,
    host: isName,
    issuance: isCount,
    held: orAbsent(shaped(credentialFiles)),
  },
  "tickets.master": { ticketMaster: isText },
  "backends.news": { backends: backendsNews },
  "reload.ask": { ask: isCount },
  "unsaved.news": { host: isName, certificate: orAbsent(unsavedCertificate) },
  "reload.rejected": { rejection: isText },
  "reload.answer": { ask: isCount, outcome: reloadOutcome },
};

/** Who may say what: a worker that strangers took over must not speak as the supervisor, nor as the manager. */
const SPEAKERS: Readonly<Record<Message["type"], "supervisor" | "child" | "worker" | "manager">> = {
  configure: "supervisor",
  peers: "supervisor",
  drain: "supervisor",
  ready: "child",
  heartbeat: "child",
  closed: "child",
  fatal: "child",
  "state.ask": "worker",
  "certificate.ask": "worker",
  "policy.ask": "worker",
  "serial.ask": "manager",
  "serial.answer": "worker",
  "counts.ask": "manager",
  "counts.answer": "worker",
  "strain.news": "worker",
  "rates.spent": "worker",
  "rates.news": "manager",
  "counts.last": "worker",
  "challenge.acknowledged": "worker",
  "certificate.acknowledged": "worker",
  "state.answer": "manager",
  "policy.answer": "manager",
  "certificate.answer": "manager",
  "challenge.arm": "manager",
  "challenge.disarm": "manager",
  "certificate.announce": "manager",
  "tickets.master": "manager",
  "backends.news": "manager",
  "reload.ask": "manager",
  "unsaved.news": "manager",
  "reload.answer": "supervisor",
  "reload.rejected": "supervisor",
};

const ADDRESS = /^(?:supervisor|manager|workers|worker [1-9][0-9]*)$/;

/**
 * Reads what came out of a pipe between processes: an envelope of our version with a known message
 * of the right shape, or `undefined`. A process never trusts that the other end is still itself.
 */
export function readEnvelope(value: unknown): Envelope | undefined {
  if (!hasShape(value, { version: isCount, from: isAddress, to: isAddress, message: isObject }))
    return undefined;
  const envelope = value as Envelope; // what `hasShape` just checked, and the message is checked next
  if (envelope.version !== PROTOCOL_VERSION) return undefined;
  const { type } = envelope.message;
  if (typeof type !== "string" || !Object.hasOwn(SHAPES, type)) return undefined;
  return hasShape(envelope.message, SHAPES[type]) ? envelope : undefined;
}

/** Is this one of the messages that the child at `from` has to say? */
export function maySay(from: Address, { type }: Message): boolean {
  const speaker = SPEAKERS[type];
  return speaker === "child" || speaker === (from === "manager" ? "manager" : "worker");
}

/** Puts a message into its envelope. */
export function envelope(from: Address, to: Address, message: Message): Envelope {
  return { version: PROTOCOL_VERSION, from, to, message };
}

/** The address that a process was started as (its first argument); `undefined` for what is none. */
export function readAddress(value: unknown): Address | undefined {
  return isAddress(value) ? value : undefined;
}

function isAddress(value: unknown): value is Address {
  return typeof value === "string" && ADDRESS.test(value);
}

function hasShape(value: unknown, shape: Shape): boolean {
  if (typeof value !== "object" || value === null) return false;
  const fields = new Map(Object.entries(value));
  return Object.entries(shape).every(([name, check]) => check(fields.get(name)));
}
