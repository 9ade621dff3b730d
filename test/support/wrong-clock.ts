import { execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

/** A wall clock that a test sets while the program runs; what programs sleep by goes on as ever. */
export class WrongClock {
  /** For the program; its children, who see nothing of its environment, get the clock all the same. */
  readonly env: Readonly<Record<string, string>>;
  readonly #file: string;

  private constructor(env: Readonly<Record<string, string>>, file: string) {
    this.env = env;
    this.#file = file;
  }

  /** A clock that is right until it is set. @param folder For its files. */
  static async start(folder: string): Promise<WrongClock> {
    const file = join(folder, "clock");
    await writeFile(file, "+0\n");
    // The wrapper `faketime` knows where this machine has its library.
    const args = ["-f", "+0", "printenv", "LD_PRELOAD"];
    const clock = {
      LD_PRELOAD: execFileSync("faketime", args, { encoding: "utf8" }).trim(),
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
    };
    const words = Object.entries(clock).map(([name, value]) => `'${name}=${value}'`);
    const node = join(folder, "node");
    const start = `exec env ${words.join(" ")} '${process.execPath}' "$@"`;
    await writeFile(node, `#!/bin/sh\n${start}\n`, { mode: 0o755 });
    // Children are started as the same Node.js that their parent is.
    const preload = join(folder, "preload.mjs");
    await writeFile(preload, `process.execPath = ${JSON.stringify(node)};\n`);
    return new WrongClock({ ...clock, NODE_OPTIONS: `--import=${preload}` }, file);
  }

  /** @param by How wrong it is from now on, by the true time. */
  async set(by: "+0" | "+90d" | "-1y"): Promise<void> {
    await writeFile(this.#file, `${by}\n`);
  }
}
