/**
 * Lets every source take its part of `places`, and the first ones what others leave of theirs. Where there are more
 * sources than places, the first ones get one each: who was served should come last the next time.
 *
 * @param take Takes at most so many places; returns how many it took.
 */
export function shareFairly<Source>(
  sources: readonly Source[],
  places: number,
  take: (source: Source, most: number) => number,
): void {
  const part = Math.max(1, Math.floor(places / sources.length));
  let left = places;
  for (const most of [part, places])
    for (const source of sources) left -= take(source, Math.min(most, left));
}
