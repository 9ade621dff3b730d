import { stampOfFile } from "../base/file-stamp.ts";
import type { Config, Source } from "../config/config.ts";
import { diskFiles } from "../config/files.ts";
import { limits } from "../config/limits.ts";

/** A file that never rests must not keep the others from being read. */
const LOOKS_MAX = 5;

/** Files that changed stand still when two looks in a row find the same. */
export class ConfigWatch {
  #inForce: Config | undefined;
  /** What they were when they were read again last, since the configuration in force: it was refused. */
  #refused = "";
  #unsettled = "";
  /** How many looks in a row have found something else than the one before. */
  #looks = 0;

  /** @returns Has `config.watch`, and is one of its files other than it was read, for two looks now? Said once for each state. Never rejects. */
  async look(config: Config): Promise<boolean> {
    if (!config.watch) return false;
    if (config !== this.#inForce) [this.#inForce, this.#refused] = [config, ""];
    const now = textOf(await sourcesNow(config));
    const isInForce = now === textOf(config.sources);
    // Back at what is in force after something that was refused is news: nothing is refused any more.
    const isKnown = now === this.#refused || (this.#refused === "" && isInForce);
    if (isKnown) {
      [this.#unsettled, this.#looks] = ["", 0];
      return false;
    }
    this.#looks += 1;
    const hasSettled = now === this.#unsettled || this.#looks > LOOKS_MAX;
    this.#unsettled = now;
    if (hasSettled) [this.#refused, this.#unsettled, this.#looks] = [isInForce ? "" : now, "", 0];
    return hasSettled;
  }
}

/** Looks every `limits.watchEveryMs`, one look after the other, and calls `changed`; the function returned ends it. */
export function watchConfig(current: () => Config, changed: () => void): () => void {
  const watch = new ConfigWatch();
  let isLooking = false;
  const timer = setInterval(async () => {
    if (isLooking) return;
    isLooking = true;
    const config = current();
    const isOther = await watch.look(config);
    isLooking = false;
    // One that was read meanwhile is newer than the look.
    if (isOther && config === current()) changed();
  }, limits.watchEveryMs);
  return () => clearInterval(timer);
}

/** The files that the configuration would be read from now. */
async function sourcesNow({ file, include }: Config): Promise<readonly Source[]> {
  const found = include.flatMap((pattern) => {
    const matching = diskFiles.match(pattern);
    return matching.ok ? matching.value : [];
  });
  const files = [...new Set([file, ...found])];
  return await Promise.all(
    files.map(async (each) => ({ file: each, stamp: await stampOfFile(each) })),
  );
}

function textOf(sources: readonly Source[]): string {
  return sources.map(({ file, stamp }) => `${file} ${stamp}`).join("\n");
}
