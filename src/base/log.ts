import { isatty } from "node:tty";
import { type DestinationStream, type Logger, pino } from "pino";
import { codeOf, type Facts, LatchkeyError, messageOf } from "./errors.ts";
import { LogSink, type SinkWatch } from "./log-sink.ts";
import { safeJson, safeText } from "./safe-text.ts";

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
  const logger = pino({ level: options.level, base: null, timestamp: timeField }, stream);
  /** One for each event, so that its name is made into text once. */
  const speakers = new Map<string, Logger>();
  const speakerOf = (event: string): Logger => {
    const known = speakers.get(event);
    if (known !== undefined) return known;
    const speaker = speakerFor(logger, { process: options.process, event });
    speakers.set(event, speaker);
    return speaker;
  };
  const write =
    (level: LogLevel) =>
    (event: string, facts: Facts = {}) => {
      speakerOf(event)[level](facts);
    };
  const log = {
    debug: write("debug"),
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
  };
  return log;
}

/**
 * Says every line with `bindings`. pino makes a text of each name and value by itself: with one JSON of all of them a line
 * takes less than half of the time (`npm run bench:micro -- log`), and there may be one for each request.
 */
function speakerFor(logger: Logger, bindings: Facts): Logger {
  const bound = safeJson(bindings).slice(1, -1);
  const asJson = (facts: Facts, _message: unknown, level: number, time: string): string => {
    const fields = safeJson(facts).slice(1);
    const head = `{"level":"${pino.levels.labels[level]}"${time},${bound}`;
    return `${head}${fields === "}" ? "" : ","}${fields}\n`;
  };
  return Object.assign(logger.child({}), { [pino.symbols.asJsonSym]: asJson });
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
