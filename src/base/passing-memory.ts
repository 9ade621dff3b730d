import { setFlagsFromString } from "node:v8";

/**
 * For a process through which bytes pass: V8 starts to look through its whole heap for every 20 MB or so of them,
 * which lie outside of it and are garbage the next moment. With this it weighs them against all that there is, as
 * it does with its own. A V8 that does not know the flag goes on as ever. Uploads cost a quarter less CPU
 * (`npm run bench -- --only upload`). To be called when everything is loaded: compiled code is good for the flags
 * that it was made with.
 */
export function weighPassingMemory(): void {
  setFlagsFromString("--external-memory-accounted-in-global-limit");
}
