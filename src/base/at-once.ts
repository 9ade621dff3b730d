/** Does `work` for each of `items`, so many at once, in their order. Rejects as the first of them does, once all under way have ended. */
export async function forEachAtOnce<Item>(
  items: Iterable<Item>,
  atOnce: number,
  work: (item: Item) => Promise<unknown>,
): Promise<void> {
  const rest = items[Symbol.iterator]();
  let [hasFailed, failure]: [boolean, unknown] = [false, undefined];
  const takeTurns = async (): Promise<void> => {
    for (let next = rest.next(); !next.done && !hasFailed; next = rest.next()) {
      try {
        await work(next.value);
      } catch (error) {
        if (!hasFailed) failure = error;
        hasFailed = true;
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, takeTurns));
  if (hasFailed) throw failure;
}
