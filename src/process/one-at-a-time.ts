/**
 * The function that asks for `work`: it never runs twice at once, and however often it is asked for
 * while it runs, it runs once more, so that the last one to ask is answered by a run of its own.
 *
 * @param work Must not fail. What it tells goes to everybody who asked before it began.
 */
export function oneAtATime<Outcome>(
  work: (tell: (outcome: Outcome) => void) => Promise<void>,
): (listener?: (outcome: Outcome) => void) => void {
  const waiting: ((outcome: Outcome) => void)[] = [];
  let isRunning = false;
  let isWanted = false;
  const run = async () => {
    isRunning = true;
    while (isWanted) {
      isWanted = false;
      const listeners = waiting.splice(0);
      await work((outcome) => {
        for (const listener of listeners) listener(outcome);
      });
    }
    isRunning = false;
  };
  return (listener) => {
    isWanted = true;
    if (listener !== undefined) waiting.push(listener);
    if (!isRunning) void run();
  };
}
