import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/**
 * Gives back what only the start has needed: source texts, what was compiled, a young generation grown by loading.
 * Without it the heap stays as large as it was then until it fills. Holds the event loop for some ten
 * milliseconds, hence once, right after the start.
 *
 * @param afterMs The first work comes first.
 */
export function giveBackStartMemory(afterMs: number): void {
  setTimeout(collect, afterMs).unref();
}

/** Not by `--expose-gc` at the start: Node.js would then compile its own modules, whose code is made for its own flags. */
function collect(): void {
  setFlagsFromString("--expose-gc");
  const gc: NodeJS.GCFunction = runInNewContext("gc");
  setFlagsFromString("--no-expose-gc");
  gc({ type: "major", flavor: "last-resort" });
}
