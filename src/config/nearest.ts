/** Longer words are compared by their beginning: no key of ours is a third of this. */
const COMPARED_MAX_CHARACTERS = 64;

/** Shorter beginnings and words are shared by chance. */
const BEGINNING_MIN_CHARACTERS = 3;
const SHARED_MIN_CHARACTERS = 4;
/** One slip for so many characters, and one in any word: more make another word of it. */
const CHARACTERS_PER_EDIT = 3;
const WORDS = /[a-z]+|[A-Z][a-z]*|\d+/g;

/**
 * The word of `known` that `word` was probably to be: of those with few edits between them, or a
 * beginning or a part in common, the one with the fewest edits; the first of several.
 */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const near = known.filter((candidate) => isNear(word, candidate));
  return closest(word, near);
}

/** ` (nearest: email)`, or nothing when no word of `known` is near. */
export function suggestion(word: string, known: readonly string[]): string {
  const meant = nearest(word, known);
  return meant === undefined ? "" : ` (nearest: ${meant})`;
}

/** The word of `known` that takes the fewest edits to reach from `word`, however many; the first of several. */
export function closest(word: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let fewest = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const edits = distance(word.slice(0, COMPARED_MAX_CHARACTERS), candidate);
    if (edits < fewest) [best, fewest] = [candidate, edits];
  }
  return best;
}

function isNear(word: string, candidate: string): boolean {
  const short = word.slice(0, COMPARED_MAX_CHARACTERS);
  const length = Math.max(short.length, candidate.length);
  const mayDiffer = Math.max(1, Math.floor(length / CHARACTERS_PER_EDIT));
  // Each character more or less is an edit: most words are told apart by their lengths.
  const mayBeNear = Math.abs(short.length - candidate.length) <= mayDiffer;
  return (mayBeNear && distance(short, candidate) <= mayDiffer) || isRelated(short, candidate);
}

/** `certs` and `certificate`, `listenOn` and `listen`, `bodyLimit` and `maxBody`. */
function isRelated(one: string, other: string): boolean {
  const shared = sharedBeginning(one.toLowerCase(), other.toLowerCase());
  const isBeginning = shared === Math.min(one.length, other.length);
  if (shared >= (isBeginning ? BEGINNING_MIN_CHARACTERS : SHARED_MIN_CHARACTERS)) return true;
  const parts = partsOf(other);
  return partsOf(one).some((part) => part.length >= SHARED_MIN_CHARACTERS && parts.includes(part));
}

function partsOf(word: string): readonly string[] {
  return (word.match(WORDS) ?? []).map((part) => part.toLowerCase());
}

function sharedBeginning(one: string, other: string): number {
  let shared = 0;
  while (shared < one.length && one[shared] === other[shared]) shared += 1;
  return shared;
}

/**
 * Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours count one
 * each; a letter in the other case counts half, so that `maxbody` means `maxBody`.
 */
function distance(from: string, to: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const edit = Math.min(
        at(previous, column) + 1,
        at(current, column - 1) + 1,
        at(previous, column - 1) + substitution(from.charAt(row - 1), to.charAt(column - 1)),
      );
      const isSwap =
        row > 1 &&
        column > 1 &&
        from.charAt(row - 1) === to.charAt(column - 2) &&
        from.charAt(row - 2) === to.charAt(column - 1);
      current.push(isSwap ? Math.min(edit, at(before, column - 2) + 1) : edit);
    }
    [before, previous] = [previous, current];
  }
  return at(previous, to.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY;
}

function substitution(one: string, other: string): number {
  if (one === other) return 0;
  return one.toLowerCase() === other.toLowerCase() ? 0.5 : 1;
}
