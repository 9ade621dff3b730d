const BATCH = 200;
const NS_PER_MS = 1_000_000;

/** One call that is measured. */
export interface MicroCase {
  readonly name: string;
  /** What comes of each call, or the measurement means nothing. */
  readonly expected: string;
  run(): string | undefined;
}

/** For each call, in calls for so many milliseconds. */
export function nanosecondsOf({ name, run, expected }: MicroCase, milliseconds: number): number {
  const startedAt = performance.now();
  let calls = 0;
  let took = 0;
  while (took < milliseconds) {
    // What comes out is looked at, so that nothing of it is left out.
    for (let each = 0; each < BATCH; each += 1) {
      const kind = run();
      if (kind !== expected) throw new Error(`Cannot measure ${name}: ${kind} came of it`);
    }
    calls += BATCH;
    took = performance.now() - startedAt;
  }
  return (took * NS_PER_MS) / calls;
}
