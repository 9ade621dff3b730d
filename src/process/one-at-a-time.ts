/**
 * The function that asks for `work`: it never runs twice at once, and however often it is asked for
 * while it runs, it runs once more, so that the last one to ask is answered by a run of its own.
 *
 * @param work Must not fail.
 */
export function oneAtATime(work: () => Promise<void>): () => void {
  let isRunning = false;
  let isWanted = false;
  const run = async () => {
    isRunning = true;
    while (isWanted) {
      isWanted = false;
      await work();
    }
    isRunning = false;
  };
  return () => {
    isWanted = true;
    if (!isRunning) void run();
  };
}
