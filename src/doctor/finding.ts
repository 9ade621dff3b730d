/** How bad it is: nothing is wrong, something to know, or certificates fail because of it. */
export type Severity = "ok" | "advice" | "problem";

/** One thing that was looked at. */
export interface Finding {
  readonly severity: Severity;
  /** Stable, for programs: `name.nxdomain`, `caa.forbids` … */
  readonly code: string;
  /** What was seen, in a sentence without its full stop. */
  readonly saw: string;
  /** What a person can do about it; `undefined` where nothing is to be done. */
  readonly remedy: string | undefined;
}

/** Nothing is wrong here. */
export function fine(code: string, saw: string): Finding {
  return { severity: "ok", code, saw, remedy: undefined };
}

/** Nothing fails because of it, or not for certain. */
export function advice(code: string, saw: string, remedy: string): Finding {
  return { severity: "advice", code, saw, remedy };
}

/** Issuance fails because of it. */
export function problem(code: string, saw: string, remedy: string): Finding {
  return { severity: "problem", code, saw, remedy };
}

/** A problem, unless something else does its work: then advice. */
export function problemUnless(isSpared: boolean, code: string, saw: string, remedy: string) {
  return isSpared ? advice(code, saw, remedy) : problem(code, saw, remedy);
}

/** What a stranger said is cut here: nobody reads further. */
const QUOTED_MAX_CHARACTERS = 100;
/** What could break a line, or move a terminal's cursor. */
const CONTROL = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu;

/** Words of a stranger, for one line of ours; the length apart from them, so that `map` does not give an index for it. */
export function quoted(
  text: string,
  { maxCharacters }: { readonly maxCharacters: number } = { maxCharacters: QUOTED_MAX_CHARACTERS },
): string {
  const line = text.replace(CONTROL, " ").trim();
  return line.length > maxCharacters ? `${line.slice(0, maxCharacters)}…` : line;
}

/** `a`, `a and b`, `a, b and c` */
export function listed(words: readonly string[]): string {
  const last = words.at(-1) ?? "";
  return words.length < 2 ? last : `${words.slice(0, -1).join(", ")} and ${last}`;
}
