/** Longer words are compared by their beginning: no key of ours is a third of this. */
const COMPARED_MAX_CHARACTERS = 64;

/** The word of `known` that takes the fewest edits to reach from `word`; the first of several. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let fewest = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const edits = distance(word.slice(0, COMPARED_MAX_CHARACTERS), candidate);
    if (edits < fewest) [best, fewest] = [candidate, edits];
  }
  return best;
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
