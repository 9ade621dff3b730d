import type { limits } from "./limits.ts";
import { formatDuration, formatSize, readDuration, readSize } from "./quantities.ts";
import { type Reading, read, wrong } from "./reading.ts";
import { anyOf, key, mapping, number, type Output, type Schema, text } from "./schema.ts";

const SECOND = 1_000;
const MINUTE = 60_000;
const HOUR = 3_600_000;
const KIB = 1_024;
const MIB = 1_024 * KIB;

/**
 * The limits of `limits.ts` that an operator may change, under the same names, each within bounds
 * (inclusive): beyond them it protects nobody, or serves nobody.
 */
const CHANGEABLE = {
  helloTimeoutMs: time(SECOND, MINUTE),
  handshakeTimeoutMs: time(SECOND, MINUTE),
  connectionsMax: count(16, 1_000_000),
  connectionsPerClientMax: count(1, 1_000_000),
  handshakesInFlightMax: count(16, 100_000),
  workerMemoryMaxBytes: size(128 * MIB, 1_048_576 * MIB),
  contextsMax: count(16, 1_000_000),
  headTimeoutMs: time(SECOND, 5 * MINUTE),
  headMaxBytes: size(4 * KIB, 1_024 * KIB),
  headMaxFields: count(16, 1_000),
  targetMaxBytes: size(KIB, 64 * KIB),
  keepAliveTimeoutMs: time(SECOND, HOUR),
  requestsPerConnectionMax: count(1, 1_000_000),
  bodyIdleTimeoutMs: time(SECOND, HOUR),
  bodyMinBytesPerSecond: count(1, 1_048_576),
  bodyGraceMs: time(SECOND, HOUR),
  writeIdleTimeoutMs: time(SECOND, HOUR),
  backendPoolIdleMs: time(100, HOUR),
  backendPoolMax: count(0, 100_000),
  backendDownMs: time(100, HOUR),
  nameKeptMs: time(SECOND, 24 * HOUR),
  nameGoneMs: time(0, HOUR),
  drainMaxMs: time(SECOND, 30 * SECOND),
  reloadDrainMaxMs: time(SECOND, 24 * HOUR),
  issueWaitMs: time(SECOND, 30 * SECOND),
  parkedMax: count(1, 100_000),
  parkedPerHostMax: count(1, 100_000),
  ordersInFlightMax: count(1, 1_000),
  orderPaceMs: time(0, HOUR),
  renewalInfoMinMs: time(SECOND, 11 * HOUR),
  renewalInfoMaxMs: time(SECOND, 11 * HOUR),
  askTimeoutMs: time(100, 10 * SECOND),
  askCacheMs: time(0, 24 * HOUR),
  onDemandNamesMax: count(1, 1_000_000),
} satisfies Partial<Readonly<Record<keyof typeof limits, Schema>>>;

/** `limits` of the file. */
export const limitsSchema = mapping(CHANGEABLE, "a mapping such as { connectionsMax: 5000 }");

/** What an operator wrote there: milliseconds, bytes, counts. */
export type LimitChanges = Output<typeof limitsSchema>;

/** A duration, or a number of milliseconds. */
function time(minMs: number, maxMs: number) {
  const wanted = "a duration such as 10s";
  const read = (input: string) => readDuration(input, minMs, maxMs);
  const written = text(read, wanted).meta({ pattern: "^\\d{1,12}(ms|s|m|h|d)$" });
  const bounds = `${formatDuration(minMs)} to ${formatDuration(maxMs)}, or milliseconds`;
  return key(describe(bounds), anyOf([bounded(minMs, maxMs, wanted), written], wanted));
}

/** A size, or a number of bytes. */
function size(minBytes: number, maxBytes: number) {
  const wanted = "a size such as 16KiB";
  const written = text((input) => {
    const bytes = readSize(input);
    return bytes.ok ? within(bytes.value, minBytes, maxBytes) : bytes;
  }, wanted).meta({ pattern: "^\\d{1,12}(B|KiB|MiB|GiB)$" });
  const bounds = `${formatSize(minBytes)} to ${formatSize(maxBytes)}, or bytes`;
  return key(describe(bounds), anyOf([bounded(minBytes, maxBytes, wanted), written], wanted));
}

function count(min: number, max: number) {
  return key(describe(`${min} to ${max}`), bounded(min, max, "a whole number such as 100"));
}

function describe(bounds: string): string {
  return `${bounds}; what it is for and its default: config/reference.yaml.`;
}

/** Editors see the bounds. */
function bounded(min: number, max: number, wanted: string) {
  const checked = number((value) => within(value, min, max), wanted);
  return checked.meta({ type: "integer", minimum: min, maximum: max });
}

function within(value: number, min: number, max: number): Reading<number> {
  return Number.isSafeInteger(value) && value >= min && value <= max
    ? read(value)
    : wrong(`is out of range, wanted a whole number from ${min} to ${max}`);
}
