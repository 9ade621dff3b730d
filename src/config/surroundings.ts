import type { Path, Report } from "./faults.ts";
import type { Files } from "./files.ts";

/** What the meaning of a configuration depends on beside its text. */
export interface Surroundings {
  /** Path of the file, as the user named it: faults repeat it. */
  readonly file: string;
  readonly files: Files;
  /** Where `env:NAME` looks; `undefined`: no secret is looked up, and no file that is named need be there, for commands that only find their program. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
  /** Cores of this machine: what `workers: auto` means. */
  readonly cores: number;
  /** Addresses of this machine's interfaces, which nothing may lead to that listens on all; none when left out. */
  readonly addresses?: readonly string[] | undefined;
}

/** The same while one file is read; `file` is absolute here. */
export interface Desk extends Surroundings {
  readonly report: Report;
  /** Notes that a variable of the environment is not set, which is a fault. */
  readonly reportUnset: (path: Path, variable: string) => void;
  /** Notes what may be meant, and is told without refusing the file. */
  readonly warn: Report;
  /** Notes what is wrong with a file that a key names: no fault for commands that only find their program. */
  readonly reportFile: Report;
  /** The line (from 1) of the key at a path. */
  lineOf(path: Path): number;
  /** The absolute path that a path in the file means. */
  resolve(path: string): string;
}
