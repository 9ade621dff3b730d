import { join } from "node:path";
import type { CertificateName } from "../base/certificate-name.ts";
import { formatTime } from "../base/format-time.ts";
import { writeFileAtomically } from "./atomic-write.ts";
import { issuedFolder } from "./issued-folder.ts";
import { folderOf } from "./layout.ts";
import { readOrMoveAside } from "./quarantine.ts";
import { formatRecord, readRecord } from "./record.ts";
import type { StorageFolder } from "./storage-folder.ts";

/** What is remembered of the command that is run after each certificate of a host. */
export interface CommandRun {
  /** Of the certificate that it was last run for with success; `undefined`: for none. */
  readonly serial: string | undefined;
  /** In a row since then; counted before it is run, so that a crash on the way is one. */
  readonly failures: number;
  /** Nothing is run before this, in milliseconds since the epoch (RFC 3339 on disk). */
  readonly nextAttemptAt: number | undefined;
  /** How it ended last time. */
  readonly detail: string | undefined;
}

/** The command runs of every host: `certificates/<host>/command.json`. */
export class CommandRuns {
  readonly #storage: StorageFolder;

  constructor(storage: StorageFolder) {
    this.#storage = storage;
  }

  /** The certificate in use under a name that stays, for who runs the command by hand: a link that moves. */
  currentOf(host: CertificateName): string {
    return join(this.#storage.root, "certificates", folderOf(host), "current");
  }

  /**
   * What is stored for `host`, or `undefined`; a broken file is moved to `quarantine/`.
   *
   * @throws {LatchkeyError} `STORAGE_FAILED`.
   */
  load(host: CertificateName): Promise<CommandRun | undefined> {
    const path = join(this.#storage.root, "certificates", folderOf(host), "command.json");
    const item = { path, under: ["certificates", folderOf(host)], label: "command", host };
    return readOrMoveAside(this.#storage, item, () => readRun(path));
  }

  /** Nothing is written for a host whose certificate is not stored. @throws {LatchkeyError} `STORAGE_FAILED`, `STORAGE_LOCKED`. */
  async save(host: CertificateName, run: CommandRun): Promise<void> {
    await this.#storage.confirmWritable();
    const folder = await issuedFolder(this.#storage.root, host);
    if (folder === undefined) return;
    const { serial, failures, nextAttemptAt, detail } = run;
    const time = nextAttemptAt === undefined ? undefined : formatTime(nextAttemptAt);
    const text = formatRecord({ serial, failures, nextAttemptAt: time, detail });
    await writeFileAtomically(join(folder, "command.json"), text, () =>
      this.#storage.confirmWritable(),
    );
  }
}

async function readRun(path: string): Promise<CommandRun | undefined> {
  const fields = await readRecord(path);
  if (fields === undefined) return undefined;
  return {
    serial: fields.optionalText("serial"),
    failures: fields.count("failures"),
    nextAttemptAt: fields.keys.includes("nextAttemptAt") ? fields.time("nextAttemptAt") : undefined,
    detail: fields.optionalText("detail"),
  };
}
