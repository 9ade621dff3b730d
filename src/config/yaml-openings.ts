/** What the parser makes of a text before it makes values: a tree of pieces of the text. */
export interface Token {
  readonly type: string;
  readonly offset?: number;
  readonly source?: string;
  /** Of `flow-collection`: the bracket that opens it. */
  readonly start?: Token | readonly Token[];
  readonly items?: readonly TokenItem[];
  readonly value?: Token | undefined;
  readonly end?: readonly Token[] | undefined;
}

interface TokenItem {
  readonly start?: readonly Token[];
  readonly key?: Token | null | undefined;
  readonly sep?: readonly Token[] | undefined;
  readonly value?: Token | undefined;
}

/** A bracket or quote that opens something, and nothing closes it. */
export interface Opening {
  readonly offset: number;
  readonly character: string;
  readonly closer: string;
  /** What the parser finds wrong from here on, up to `until` (inclusive), is a consequence. */
  readonly from: number;
  readonly until: number;
}

/** Every opening without an end in these documents; the innermost alone where several are nested. */
export function openingsIn(documents: readonly Token[]): readonly Opening[] {
  return documents.flatMap(({ value }) => unclosedIn(value, false));
}

function unclosedIn(token: Token | null | undefined, isInFlow: boolean): readonly Opening[] {
  if (token === null || token === undefined) return [];
  const isFlow = token.type === "flow-collection";
  const inner = (token.items ?? []).flatMap(({ key, value }) => [
    ...unclosedIn(key, isInFlow || isFlow),
    ...unclosedIn(value, isInFlow || isFlow),
  ]);
  if (inner.length > 0) return inner;
  return (isFlow ? unclosedBracket(token) : unclosedQuote(token, isInFlow)) ?? [];
}

function unclosedBracket(token: Token): readonly Opening[] | undefined {
  const { offset = 0, start, items = [], end = [] } = token;
  const character = start !== undefined && "type" in start ? (start.source ?? "") : "";
  const closer = character === "{" ? "}" : "]";
  if (end.some(({ source }) => source === closer)) return undefined;
  const from = Math.max(offset, ...items.map(endOfItem));
  return [{ offset, character, closer, from, until: Number.POSITIVE_INFINITY }];
}

function unclosedQuote(token: Token, isInFlow: boolean): readonly Opening[] | undefined {
  const { type, offset = 0, source = "" } = token;
  const character = source.charAt(0);
  const isWhole = type === "double-quoted-scalar" ? DOUBLE_QUOTED : SINGLE_QUOTED;
  if (!type.endsWith("-quoted-scalar") || isWhole.test(source)) return undefined;
  // Outside of brackets the parser knows by the indentation where it ends, and reads on.
  const until = isInFlow ? Number.POSITIVE_INFINITY : offset + source.length;
  return [{ offset, character, closer: character, from: offset, until }];
}

const DOUBLE_QUOTED = /^"(?:[^"\\]|\\.)*"$/s;
const SINGLE_QUOTED = /^'(?:[^']|'')*'$/s;

/** Where the text of an item ends. */
function endOfItem({ start = [], key, sep = [], value }: TokenItem): number {
  const parts = [...start, key, ...sep, value];
  return Math.max(0, ...parts.map((part) => endOf(part)));
}

function endOf(token: Token | null | undefined): number {
  if (token === null || token === undefined) return 0;
  const { offset = 0, source = "", items = [], end = [] } = token;
  const own = offset + source.length;
  return Math.max(own, ...items.map(endOfItem), ...end.map((part) => endOf(part)));
}
