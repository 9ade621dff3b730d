import { isatty } from "node:tty";
import { type DestinationStream, type Logger, pino } from "pino";
import { codeOf, type Facts, LatchkeyError, messageOf } from "./errors.ts";
import { LogSink, type SinkWatch } from "./log-sink.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";

/**
 * The one way to say that something happened: `event` is a stable dotted name
 * (`certificate.issued`), the facts are its fields. Never a key, token or key authorization.
 */
export interface Log {
  debug(event: string, facts?: Facts): void;
  info(event: string, facts?: Facts): void;
  warn(event: string, facts?: Facts): void;
  error(event: string, facts?: Facts): void;
}

export interface LogOptions {
  readonly level: LogLevel;
  /** `pretty` for people, `json` for programs: one object a line; `auto`: pretty on a terminal. */
  readonly format: "auto" | "json" | "pretty";
  /** Which process speaks: `supervisor`, `manager`, `worker 1` … */
  readonly process: string;
  /** File descriptor to write to; 1 (standard output) unless given. */
  readonly fd?: number;
  /** Hears when nothing can be written there, for a log beside that of the process; nobody does unless given. */
  readonly watch?: SinkWatch;
}

/** A field of a stranger's making is cut here. */
const FIELD_MAX_CHARACTERS = 2_048;
/** What JSON.stringify leaves as it is, but a terminal or a line reader does not: DEL, C1, line separators. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;
const ALL_UNSAFE = new RegExp(UNSAFE, "g");

/**
 * Makes the log of one process. Writing never blocks, never throws, and a closed reader is ignored. Lines that a
 * slow reader left no room for are counted, and told in one of their own (`log.dropped`).
 */
export function createLog(options: LogOptions): Log {
  const tellDropped = (lines: number) => log.warn("log.dropped", { lines });
  const sink = sinkOf(options.fd ?? 1, tellDropped, options.watch);
  const isTerminal = isatty(options.fd ?? 1);
  const isPretty = options.format === "pretty" || (options.format === "auto" && isTerminal);
  const paint = isTerminal ? inColour : plain;
  const stream: DestinationStream = isPretty
    ? { write: (line) => sink.write(prettyLine(line, paint)) }
    : sink;
  const logger = pino(
    {
      level: options.level,
      base: { process: options.process },
      timestamp: timeField,
      formatters: { level: (level) => ({ level }) },
    },
    stream,
  );
  /** One for each event, so that its name is made into text once. */
  const speakers = new Map<string, Logger>();
  const speakerOf = (event: string): Logger => {
    const known = speakers.get(event);
    if (known !== undefined) return known;
    const speaker = logger.child({ event });
    speakers.set(event, speaker);
    return speaker;
  };
  const write =
    (level: LogLevel) =>
    (event: string, facts: Facts = {}) => {
      speakerOf(event)[level](areSafe(facts) ? facts : safeFields(facts));
    };
  const log = {
    debug: write("debug"),
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
  };
  return log;
}

let written = { at: Number.NaN, field: "" };

/** Many lines have the same millisecond, and its text costs as much as several of their fields. */
function timeField(): string {
  const at = Date.now();
  if (at !== written.at) written = { at, field: `,"time":"${new Date(at).toISOString()}"` };
  return written.field;
}

/** One for each descriptor, however many logs go there: their lines stay whole. */
const sinks = new Map<number, LogSink>();

function sinkOf(fd: number, tell: (lines: number) => void, watch?: SinkWatch): LogSink {
  const sink = sinks.get(fd) ?? new LogSink(fd, tell, watch);
  sinks.set(fd, sink);
  return sink;
}

/** The facts of a failure for a log line: its code, its message, and what its author added. */
export function failureFacts(thrown: unknown): Facts {
  const own = thrown instanceof LatchkeyError ? thrown.facts : {};
  return { ...own, code: codeOf(thrown), message: messageOf(thrown) };
}

/** Nearly all are: then no other object is made for them, which costs an access line under load as much as two fields. */
function areSafe(facts: Facts): boolean {
  for (const name in facts) {
    const value = facts[name];
    if (typeof value === "string" && (value.length > FIELD_MAX_CHARACTERS || UNSAFE.test(value)))
      return false;
  }
  return true;
}

function safeFields(facts: Facts): Facts {
  const safe = Object.entries(facts).map(([name, value]) => {
    return [name, typeof value === "string" ? safeText(value) : value];
  });
  return Object.fromEntries(safe);
}

function safeText(text: string): string {
  const short =
    text.length > FIELD_MAX_CHARACTERS ? `${text.slice(0, FIELD_MAX_CHARACTERS)}…` : text;
  return short.replace(ALL_UNSAFE, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

const COLOURS: Readonly<Record<string, string>> = {
  debug: "90",
  info: "32",
  warn: "33",
  error: "31",
};
const GREY = "90";

type Paint = (text: string, colour: string) => string;
const inColour: Paint = (text, colour) => `\u001b[${colour}m${text}\u001b[0m`;
const plain: Paint = (text) => text;

/** `12:30:01 certificate.issued host=store.localhost durationMs=310` */
function prettyLine(line: string, paint: Paint): string {
  const { level, time, event, process: _process, ...facts } = JSON.parse(line);
  const clock = paint(String(time).slice(11, 19), GREY);
  const name = paint(String(event), COLOURS[String(level)] ?? GREY);
  return `${[clock, name, ...fieldsOf(facts, paint)].join(" ")}\n`;
}

/** What happened as a person reads it: `order.created host=store.localhost`. */
export function describeEvent({ event, ...facts }: Readonly<Record<string, unknown>>): string {
  return [String(event), ...fieldsOf(facts, plain)].join(" ");
}

function fieldsOf(facts: object, paint: Paint): string[] {
  return Object.entries(facts).map(([name, value]) => {
    const text = safeText(String(value));
    return paint(`${name}=`, GREY) + (/[\s"=]/.test(text) ? JSON.stringify(text) : text);
  });
}
