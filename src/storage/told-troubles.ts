import { join } from "node:path";
import { formatTime } from "../base/format-time.ts";
import { readKey, type Severity, type TroubleKind } from "../base/trouble.ts";
import { writeFileAtomically } from "./atomic-write.ts";
import { corrupt } from "./failure.ts";
import { readOrMoveAside } from "./quarantine.ts";
import { readBounded } from "./read-file.ts";
import { type Fields, formatRecord, parseRecord } from "./record.ts";
import type { StorageFolder } from "./storage-folder.ts";

/** What is remembered of a trouble that alerts were sent of. Times in milliseconds since the epoch (RFC 3339 on disk). */
export interface ToldTrouble {
  readonly key: string;
  readonly kind: TroubleKind;
  readonly host: string | undefined;
  /** As it was told, and so for the message. */
  readonly severity: Severity;
  readonly message: string;
  readonly since: number;
  /** What was told last; `undefined`: nothing yet. */
  readonly state: "begun" | "recovered" | undefined;
  readonly toldAt: number | undefined;
  /** Has a receiver taken what was told last? */
  readonly isDelivered: boolean;
  /** Set when it is over. */
  readonly endedAt: number | undefined;
}

/** A thousand of them with long messages take 1 MiB. */
const FILE_MAX_BYTES = 2_097_152;
const MESSAGE_MAX_CHARACTERS = 500;

/** What was told to whom it concerns: `alerts.json`, so that a restart repeats nothing. */
export class ToldTroubles {
  readonly #storage: StorageFolder;

  constructor(storage: StorageFolder) {
    this.#storage = storage;
  }

  /**
   * Everything that is stored; a broken file is moved to `quarantine/` and nothing counts as told.
   *
   * @throws {LatchkeyError} `STORAGE_FAILED`.
   */
  async load(): Promise<readonly ToldTrouble[]> {
    const path = this.#path;
    const item = { path, under: [], label: "alerts" };
    return (await readOrMoveAside(this.#storage, item, () => readAll(path))) ?? [];
  }

  /** @throws {LatchkeyError} `STORAGE_FAILED`, `STORAGE_LOCKED`. */
  async save(troubles: readonly ToldTrouble[]): Promise<void> {
    await this.#storage.confirmWritable();
    const fields = troubles.map((told) => [told.key, fieldsOf(told)] as const);
    const text = formatRecord({ troubles: Object.fromEntries(fields) });
    await writeFileAtomically(this.#path, text, () => this.#storage.confirmWritable());
  }

  get #path(): string {
    return join(this.#storage.root, "alerts.json");
  }
}

function fieldsOf({ severity, message, since, state, toldAt, isDelivered, endedAt }: ToldTrouble) {
  return {
    severity,
    message: message.slice(0, MESSAGE_MAX_CHARACTERS),
    since: formatTime(since),
    state,
    toldAt: toldAt === undefined ? undefined : formatTime(toldAt),
    delivered: isDelivered ? "yes" : "no",
    endedAt: endedAt === undefined ? undefined : formatTime(endedAt),
  };
}

async function readAll(path: string): Promise<readonly ToldTrouble[] | undefined> {
  const bytes = await readBounded(path, FILE_MAX_BYTES);
  if (bytes === undefined) return undefined;
  const troubles = parseRecord(bytes, path).object("troubles");
  return troubles.keys.map((key) => readOne(key, troubles.object(key), path));
}

function readOne(key: string, fields: Fields, path: string): ToldTrouble {
  const subject = readKey(key);
  const severity = fields.text("severity");
  const state = fields.optionalText("state");
  if (subject === undefined) throw corrupt(path, `"${key}" is not known`);
  if (severity !== "warning" && severity !== "critical")
    throw corrupt(path, '"severity" is not known');
  if (state !== undefined && state !== "begun" && state !== "recovered")
    throw corrupt(path, '"state" is not known');
  const timeOf = (name: string) => (fields.keys.includes(name) ? fields.time(name) : undefined);
  return {
    ...{ key, ...subject, severity, state },
    message: fields.text("message"),
    since: fields.time("since"),
    toldAt: timeOf("toldAt"),
    isDelivered: fields.optionalText("delivered") === "yes",
    endedAt: timeOf("endedAt"),
  };
}
