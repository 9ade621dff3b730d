import { stampOfFile } from "../base/file-stamp.ts";
import type { Config, Source } from "../config/config.ts";
import { diskFiles } from "../config/files.ts";
import { limits } from "../config/limits.ts";

/** Files that changed stand still when two looks in a row find the same. */
export class ConfigWatch {
  /** What they were when they were read again last, whether that was accepted or not. */
  #tried = "";
  #unsettled = "";

  /** @returns Has `config.watch`, and is one of its files other than it was read, for two looks now? Said once for each state. Never rejects. */
  async look(config: Config): Promise<boolean> {
    if (!config.watch) return false;
    const now = textOf(await sourcesNow(config));
    if (now === textOf(config.sources) || now === this.#tried) {
      this.#unsettled = "";
      return false;
    }
    const hasSettled = now === this.#unsettled;
    this.#unsettled = hasSettled ? "" : now;
    if (hasSettled) this.#tried = now;
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
