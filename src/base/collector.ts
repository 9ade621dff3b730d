import { executionAsyncResource } from "node:async_hooks";
import { setFlagsFromString } from "node:v8";

/**
 * V8 looks through its whole heap for every 20 MB or so of bytes that pass, which lie outside of it and are garbage the
 * next moment. With this it weighs them against all that there is, as it does with its own. Uploads cost a quarter less
 * CPU (`npm run bench -- --only upload`).
 */
const WEIGH_PASSING_MEMORY = "--external-memory-accounted-in-global-limit";

/**
 * V8 learns which lines of code make what lives long, and makes it in the old generation from then on, where it waits for
 * the next full collection. A moment in which many requests were under way teaches it so of all they are made of, and it
 * never unlearns it. Without: HTTP/2 costs a tenth less (`npm run bench -- --only http2`), what else there is the same.
 */
const KEEP_THE_NEW_YOUNG = "--no-allocation-site-pretenuring";

/** See {@link keepTickShape}. */
const keptTicks: object[] = [];

/**
 * Has V8 collect garbage as it suits a process through which requests pass. A V8 that does not know a flag goes on as ever.
 * To be called when everything is loaded: compiled code is good for the flags that it was made with.
 */
export function tuneCollector(): void {
  setFlagsFromString(WEIGH_PASSING_MEMORY);
  setFlagsFromString(KEEP_THE_NEW_YOUNG);
  keepTickShape();
}

/**
 * What `nextTick` makes has keys that are computed. When none of these objects is alive in a full collection, V8 forgets
 * their shape, takes the one it makes next for another, and from then on makes each by a slow way, several times as
 * dear, for as long as the process lives; a dozen are made for each connection, and some for each stream of HTTP/2. So one
 * is kept.
 */
function keepTickShape(): void {
  process.nextTick(() => keptTicks.push(executionAsyncResource()));
}
