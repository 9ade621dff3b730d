import { type Reading, read, wrong } from "./reading.ts";

const DURATION = /^(\d{1,12})(ms|s|m|h|d)$/;
const DURATION_MS = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000, ms: 1 } as const;
const SIZE = /^(\d{1,12})(B|KiB|MiB|GiB)$/;
const SIZE_BYTES: Readonly<Record<string, number>> = {
  B: 1,
  KiB: 1_024,
  MiB: 1_048_576,
  GiB: 1_073_741_824,
};
const PERCENTAGE = /^(\d{1,3})%$/;

/** Milliseconds of `250ms`, `10s`, `5m`, `12h`, `30d`, between two bounds (inclusive). */
export function readDuration(text: string, minMs: number, maxMs: number): Reading<number> {
  const [, digits, unit] = DURATION.exec(text) ?? [];
  const factor = Object.entries(DURATION_MS).find(([name]) => name === unit)?.[1];
  if (digits === undefined || factor === undefined) {
    return wrong("is not a duration, wanted a whole number with ms, s, m, h or d such as 10s");
  }
  const ms = Number(digits) * factor;
  if (ms < minMs) return wrong(`is too short, wanted at least ${formatDuration(minMs)}`);
  if (ms > maxMs) return wrong(`is too long, wanted at most ${formatDuration(maxMs)}`);
  return read(ms);
}

/** The duration as the file spells it, in the largest unit that leaves no rest. */
export function formatDuration(ms: number): string {
  const [unit, factor] = Object.entries(DURATION_MS).find(([, size]) => ms % size === 0) ?? [
    "ms",
    1,
  ];
  return `${ms / factor}${unit}`;
}

/** Bytes of `512B`, `16KiB`, `10MiB`, `1GiB`; at least one. */
export function readSize(text: string): Reading<number> {
  const [, digits, unit] = SIZE.exec(text) ?? [];
  const factor = SIZE_BYTES[unit ?? ""];
  if (digits === undefined || factor === undefined) {
    return wrong("is not a size, wanted a whole number with B, KiB, MiB or GiB such as 16KiB");
  }
  const bytes = Number(digits) * factor;
  if (bytes < 1 || !Number.isSafeInteger(bytes))
    return wrong("is no size, wanted one such as 16KiB");
  return read(bytes);
}

/** The size in the largest unit that leaves no rest, for people. */
export function formatSize(bytes: number): string {
  const [unit, factor] = Object.entries(SIZE_BYTES).findLast(([, size]) => bytes % size === 0) ?? [
    "B",
    1,
  ];
  return `${bytes / factor} ${unit}`;
}

/** `auto`, or the fraction (0-1, both excluded) that a percentage means. */
export function readRenewAt(text: string): Reading<"auto" | number> {
  if (text === "auto") return read(text);
  const fraction = readFraction(text);
  return fraction.ok ? fraction : wrong("is not a part of the lifetime, wanted auto or 1% to 99%");
}

/** The fraction (0-1, both excluded) that a percentage means. */
export function readFraction(text: string): Reading<number> {
  const percent = Number(PERCENTAGE.exec(text)?.[1] ?? Number.NaN);
  return percent >= 1 && percent <= 99
    ? read(percent / 100)
    : wrong("is not a part of the lifetime, wanted 1% to 99%");
}

/** `auto`: numbers are not text. */
export function readWorkers(text: string): Reading<"auto"> {
  return text === "auto" ? read(text) : wrong("is not known, wanted auto or a number such as 2");
}
