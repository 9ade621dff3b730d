/**
 * Gives back what only the start has needed: source texts, what was compiled, a young generation grown by loading.
 * Without it the heap stays as large as it was then until it fills. Holds the event loop for some ten
 * milliseconds, hence once, right after the start. Node.js has `gc` by `--expose-gc`; without it nothing happens.
 *
 * @param afterMs The first work comes first.
 */
export function giveBackStartMemory(afterMs: number): void {
  setTimeout(() => globalThis.gc?.({ type: "major", flavor: "last-resort" }), afterMs).unref();
}
