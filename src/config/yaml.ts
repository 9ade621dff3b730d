import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  Parser,
  parseDocument,
  type Scalar,
  type YAMLMap,
} from "yaml";
import type { Document, Offset, Problem } from "./document.ts";
import type { Path } from "./faults.ts";
import { limits } from "./limits.ts";
import { openingsIn } from "./yaml-openings.ts";

/** Stands for a `*` that may lack its quotes while the rest of the file is read: private use, one unit long. */
const STAND_IN = "\ue000";
/** A `*` that YAML would take for an alias, if it is where a value may start, though it names a host or pattern. */
const HOST_STAR = /(?<=^|[\s[{,])\*(?=[.:\s,\]}]|$)/g;
/** Who reads the fault knows the rest. */
const STAR_SHOWN_CHARACTERS = 80;
const NUMBER_SHOWN_CHARACTERS = 20;
const TOO_DEEP = "is nested too deeply, wanted what the configuration needs";
/** What the text says, for the faults that people make; the parser's own words could repeat a secret. */
const SYNTAX: Readonly<Record<string, string>> = {
  BAD_ALIAS: "is an alias without a name, wanted quotes around what starts with *",
  BAD_DQ_ESCAPE: "holds an unknown escape (\\), wanted single quotes around the text",
  BAD_INDENT: "is indented differently from what it belongs to, wanted the same column",
  BAD_SCALAR_START: "starts with a character that YAML reserves, wanted quotes around the text",
  BLOCK_AS_IMPLICIT_KEY: 'holds another ": " or is indented too far, wanted one key a line',
  BLOCK_IN_FLOW: "mixes block style into [ ] or { }, wanted one of the two",
  KEY_OVER_1024_CHARS: "is a key of more than 1024 characters, wanted a shorter one",
  MISSING_CHAR: "lacks a colon, a comma, or the quote or bracket that closes it",
  MULTILINE_IMPLICIT_KEY: "lacks a colon with a space behind it, wanted `key: value` on one line",
  MULTIPLE_DOCS: "starts a second document, wanted one: remove the ---",
  NON_STRING_KEY: "is a list or mapping as a key, wanted text",
  TAB_AS_INDENT: "is indented with a tab, wanted spaces",
  TAG_RESOLVE_FAILED: "carries a tag (!), wanted plain values",
  UNEXPECTED_TOKEN: "is not expected here, wanted `key: value`",
};

/** Reads one YAML document. Never throws: what is wrong with the text is in `problems`. */
export function readYaml(text: string): Document {
  const document = compose(text);
  if (document.problems.length === 0) return document;

  // Further stars hide behind each one: all are replaced, and those that start a value were unquoted.
  const repaired = compose(text.replace(HOST_STAR, STAND_IN));
  return repaired.hasStars ? repaired : document;
}

/** The document, and whether a {@link STAND_IN} was in it that starts a value: each of those is a problem. */
function compose(text: string): Document & { readonly hasStars: boolean } {
  const lineCounter = new LineCounter();
  const placeOf = (offset: number) => {
    const { line, col } = lineCounter.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  try {
    // yaml's own check for duplicate keys is quadratic: the composer below has a linear one.
    const { contents, errors, warnings } = parseDocument(text, {
      lineCounter,
      logLevel: "error",
      merge: false,
      prettyErrors: false,
      resolveKnownTags: false,
      stringKeys: true,
      uniqueKeys: false,
      version: "1.2",
    });
    if (errors.some(({ code }) => code === "RESOURCE_EXHAUSTION")) return exhausted(placeOf);
    const faults = syntaxFaults(text, [...errors, ...warnings], placeOf);
    const composer = new Composer((offset) => placeOf(offset).line);
    const root = composer.valueOf(contents);
    const { offsets } = composer;
    const problems = [...faults, ...composer.problems];
    const { hasStars, tagged } = composer;
    // What carries a tag is read as if it had none: the rest is known.
    const isBroken = [...errors, ...warnings].some(({ code }) => code !== "TAG_RESOLVE_FAILED");
    return { root, offsets, problems, tagged, isBroken, hasStars, placeOf };
  } catch (thrown) {
    // Text that nests without end exhausts the stack of the parser.
    if (!(thrown instanceof RangeError)) throw thrown;
    return exhausted(placeOf);
  }
}

function exhausted(placeOf: Document["placeOf"]): ReturnType<typeof compose> {
  const problems = [{ offset: 0, path: [], message: TOO_DEEP }];
  const nothing = {
    root: undefined,
    offsets: new Map(),
    tagged: [],
    isBroken: true,
    hasStars: false,
  };
  return { ...nothing, problems, placeOf };
}

interface ParserError {
  readonly code: string;
  readonly pos: readonly [number, number];
}

/** What is not YAML. The parser notices late that something is not closed: told is where it was opened. */
function syntaxFaults(
  text: string,
  errors: readonly ParserError[],
  placeOf: Document["placeOf"],
): readonly Problem[] {
  const openings = errors.length === 0 ? [] : openingsIn([...new Parser().parse(text)]);
  const unclosed = openings.map(({ offset, character, closer }): Problem => {
    const message = `opens a ${character} that is not closed, wanted a ${closer}`;
    return { offset, path: [], message };
  });
  const isConsequence = (at: number) =>
    openings.some(({ from, until }) => at >= from && at <= until);
  // Behind a bracket too many the parser understands nothing any more.
  const tooMany = errors.find(
    ({ code, pos: [at] }) => code === "UNEXPECTED_TOKEN" && /[}\]]/.test(text.charAt(at)),
  );
  const others = errors
    .filter((error) => !isConsequence(error.pos[0]) && !isBehind(error, tooMany))
    .map(({ code, pos: [offset] }): Problem => {
      if (offset === tooMany?.pos[0]) {
        const message = `closes a ${text.charAt(offset)} that was not opened, remove it`;
        return { offset, path: [], message };
      }
      const message = SYNTAX[code] ?? `cannot be read as YAML (${code}), wanted \`key: value\``;
      return { offset, path: [], message };
    });
  return firstOfEachLine([...unclosed, ...others], placeOf);
}

function isBehind(error: ParserError, other: ParserError | undefined): boolean {
  return other !== undefined && error.pos[0] > other.pos[0];
}

/** One slip makes several errors: the first of a line is the one to tell. */
function firstOfEachLine(
  problems: readonly Problem[],
  placeOf: Document["placeOf"],
): readonly Problem[] {
  const byLine = new Map<number, Problem>();
  for (const problem of [...problems].sort((one, other) => one.offset - other.offset)) {
    const { line } = placeOf(problem.offset);
    if (!byLine.has(line)) byLine.set(line, problem);
  }
  return [...byLine.values()];
}

/** Makes plain values out of the nodes of the parser, in the order of the text. */
class Composer {
  readonly offsets = new Map<object, ReadonlyMap<string | number, Offset>>();
  readonly problems: Problem[] = [];
  readonly tagged: Path[] = [];
  hasStars = false;
  readonly #anchors = new Map<string, unknown>();
  readonly #path: (string | number)[] = [];
  readonly #lineOf: (offset: number) => number;
  /** How many aliases we are inside of, and how many values they have made. */
  #aliasDepth = 0;
  #aliased = 0;

  constructor(lineOf: (offset: number) => number) {
    this.#lineOf = lineOf;
  }

  /** The plain value of a node; `undefined` when a problem was noted instead. */
  valueOf(node: unknown): unknown {
    if (this.#aliasDepth > 0) this.#aliased += 1;
    if (this.#aliased > limits.configMaxAliased) {
      const isFirst = this.#aliased === limits.configMaxAliased + 1;
      if (isFirst) this.#note(offsetOf(node), "makes too many values out of aliases, wanted fewer");
      return undefined;
    }
    if (isAlias(node)) return this.#aliasOf(node.source, offsetOf(node));
    const value = this.#plainOf(node);
    // Known from its end on: a node cannot hold an alias of itself.
    if ((isScalar(node) || isMap(node) || isSeq(node)) && node.anchor !== undefined) {
      this.#anchors.set(node.anchor, node);
    }
    return value;
  }

  #plainOf(node: unknown): unknown {
    const mayHaveTag = isScalar(node) || isMap(node) || isSeq(node);
    if (mayHaveTag && node.tag !== undefined) this.tagged.push([...this.#path]);
    if (isScalar(node)) {
      if (typeof node.value === "number") this.#lookForSpelling(node, node.value);
      if (typeof node.value !== "string") return node.value;
      this.#lookForStar(node);
      return restoreStars(node.value);
    }
    if (!isMap(node) && !isSeq(node)) return null;
    if (this.#path.length >= limits.configMaxDepth) {
      this.#note(offsetOf(node), TOO_DEEP);
      return null;
    }
    return isMap(node) ? this.#mapOf(node) : this.#listOf(node.items);
  }

  #listOf(items: readonly unknown[]): unknown[] {
    const places = new Map<number, Offset>();
    const values: unknown[] = [];
    for (const item of items) {
      const index = values.length;
      const value = this.#at(index, () => this.valueOf(item));
      if (value === undefined) continue;
      places.set(index, { key: offsetOf(item), value: offsetOf(item) });
      values.push(value);
    }
    this.offsets.set(values, places);
    return values;
  }

  #mapOf(map: YAMLMap): object {
    const places = new Map<string, Offset>();
    const entries: [string, unknown][] = [];
    for (const { key, value } of map.items) {
      const name = isScalar(key) ? restoreStars(String(key.value)) : "";
      const offset = offsetOf(key);
      const first = places.get(name);
      if (name === "<<" || name === "__proto__" || first !== undefined) {
        this.#at(name, () => this.#note(offset, this.#whyNot(name, first)));
        continue;
      }
      if (isScalar(key)) this.#at(name, () => this.#lookForStar(key));
      places.set(name, { key: offset, value: offsetOf(value, offset) });
      const plain = this.#at(name, () => this.valueOf(value));
      if (plain !== undefined) entries.push([name, plain]);
    }
    const values = Object.fromEntries(entries);
    this.offsets.set(values, places);
    return values;
  }

  #lookForStar({ type, value, range }: Scalar): void {
    if (type !== "PLAIN" || typeof value !== "string" || !value.startsWith(STAND_IN)) return;
    this.hasStars = true;
    const star = restoreStars(value).slice(0, STAR_SHOWN_CHARACTERS);
    const message = `starts with an unquoted *, which YAML takes for an alias: quote it: "${star}"`;
    this.#note(range?.[0] ?? 0, message);
  }

  /** `010` is ten and `1.0` is `1`: a number that YAML reads differently from how it looks may be meant differently, too. */
  #lookForSpelling({ source, range }: Scalar, value: number): void {
    if (source === undefined || source === String(value)) return;
    const written = source.slice(0, NUMBER_SHOWN_CHARACTERS);
    const message = `is written ${written}, which YAML takes for the number ${value}: wanted ${value}, or quotes around a text`;
    this.#note(range?.[0] ?? 0, message);
  }

  #whyNot(name: string, first: Offset | undefined): string {
    if (name === "<<") {
      return "is a merge key, which is not read, wanted the keys themselves (or hosts as `a, b:`)";
    }
    return first === undefined
      ? "is not a known key, remove it"
      : `stands on line ${this.#lineOf(first.key)} already, wanted each key once`;
  }

  #aliasOf(name: string, offset: number): unknown {
    const node = this.#anchors.get(name);
    if (node === undefined) {
      this.#note(offset, "is an alias (*) of nothing above it, wanted quotes if the * is meant");
      return undefined;
    }
    this.#aliasDepth += 1;
    const value = this.valueOf(node);
    this.#aliasDepth -= 1;
    return value;
  }

  #at<Value>(step: string | number, work: () => Value): Value {
    this.#path.push(step);
    const value = work();
    this.#path.pop();
    return value;
  }

  #note(offset: number, message: string): void {
    this.problems.push({ offset, path: [...this.#path], message });
  }
}

function restoreStars(text: string): string {
  return text.replaceAll(STAND_IN, "*");
}

function offsetOf(node: unknown, otherwise = 0): number {
  const isNode = isScalar(node) || isMap(node) || isSeq(node) || isAlias(node);
  return (isNode ? node.range?.[0] : undefined) ?? otherwise;
}
