import { join } from "node:path";
import { formatTime } from "../base/format-time.ts";
import { Semaphore } from "../base/semaphore.ts";
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
  /** Has the receiver taken what was told last? */
  readonly isDelivered: boolean;
  /** Set when it is over. */
  readonly endedAt: number | undefined;
}

/** The ways to a person: each has heard what it has heard. */
export const ALERT_CHANNELS = ["webhook", "exec"] as const;

export type AlertChannel = (typeof ALERT_CHANNELS)[number];

/** What was told by one of them. */
export interface ToldBook {
  /**
   * Everything that is stored; a broken file is moved to `quarantine/` and nothing counts as told.
   *
   * @throws {LatchkeyError} `STORAGE_FAILED`.
   */
  load(): Promise<readonly ToldTrouble[]>;
  /** @throws {LatchkeyError} `STORAGE_FAILED`, `STORAGE_LOCKED`. */
  save(troubles: readonly ToldTrouble[]): Promise<void>;
}

type Books = ReadonlyMap<AlertChannel, readonly ToldTrouble[]>;

/** A thousand of them with long messages take 1 MiB, for each channel. */
const FILE_MAX_BYTES = 4_194_304;
const MESSAGE_MAX_CHARACTERS = 500;
const NEVER = new AbortController().signal;

/** What was told to whom it concerns: `alerts.json`, so that a restart repeats nothing. */
export class ToldTroubles {
  readonly #storage: StorageFolder;
  /** What the file is to hold. */
  readonly #books = new Map<AlertChannel, readonly ToldTrouble[]>();
  /** One write at a time. */
  readonly #hand = new Semaphore(1);

  constructor(storage: StorageFolder) {
    this.#storage = storage;
  }

  /** What was told by this channel. */
  of(channel: AlertChannel): ToldBook {
    return {
      load: async () => {
        const stored = await this.#load();
        for (const [each, told] of stored) if (!this.#books.has(each)) this.#books.set(each, told);
        return stored.get(channel) ?? [];
      },
      save: async (troubles) => {
        this.#books.set(channel, troubles);
        await this.#hand.run(() => this.#save(), NEVER);
      },
    };
  }

  async #load(): Promise<Books> {
    const path = this.#path;
    const item = { path, under: [], label: "alerts" };
    return (await readOrMoveAside(this.#storage, item, () => readAll(path))) ?? new Map();
  }

  async #save(): Promise<void> {
    await this.#storage.confirmWritable();
    const books = [...this.#books].map(([channel, troubles]) => {
      const fields = troubles.map((told) => [told.key, fieldsOf(told)] as const);
      return [channel, Object.fromEntries(fields)] as const;
    });
    const text = formatRecord({ channels: Object.fromEntries(books) });
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

async function readAll(path: string): Promise<Books | undefined> {
  const bytes = await readBounded(path, FILE_MAX_BYTES);
  if (bytes === undefined) return undefined;
  const fields = parseRecord(bytes, path);
  if (fields.keys.includes("channels")) {
    const channels = fields.object("channels");
    const known = ALERT_CHANNELS.filter((channel) => channels.keys.includes(channel));
    return new Map(known.map((channel) => [channel, readBook(channels.object(channel), path)]));
  }
  // Of a program that kept one book for all.
  const common = readBook(fields.object("troubles"), path);
  return new Map(ALERT_CHANNELS.map((channel) => [channel, common]));
}

function readBook(troubles: Fields, path: string): readonly ToldTrouble[] {
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
