import type { Path, Report } from "./faults.ts";
import type { Files } from "./files.ts";

/** What the meaning of a configuration depends on beside its text. */
export interface Surroundings {
  /** Path of the file, as the user named it: faults repeat it. */
  readonly file: string;
  /** Of the file, taken before it was read. */
  readonly stamp?: string | undefined;
  readonly files: Files;
  /** Are the files that it includes left alone, and hosts not missed? */
  readonly isAlone?: boolean | undefined;
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
  /** `on line 3`, or `on line 3 of sites/shop.yaml`: where the key at `path` stands, for who reads what stands at `reader`. */
  whereIs(path: Path, reader: Path): string;
  /** The absolute path that a path in the file means. */
  resolve(path: string): string;
  /** The same for the entry of a host, which may stand in a file that is included. */
  ofHost(host: string): Pick<Desk, "resolve">;
}
