import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { CertificateName } from "../base/certificate-name.ts";
import { codeOf } from "../base/errors.ts";
import { formatTime } from "../base/format-time.ts";
import { failureFacts } from "../base/log.ts";
import { ensureFolder, syncFolder, writeFileAtomically } from "./atomic-write.ts";
import { corrupt, failed } from "./failure.ts";
import { attemptsFileOf, folderOf } from "./layout.ts";
import { readOrMoveAside } from "./quarantine.ts";
import { type Fields, formatRecord, readRecord } from "./record.ts";
import type { StorageFolder } from "./storage-folder.ts";

/** On which ladder the next attempt waits: the CA said no, only a person can help, or nothing ever reached it. */
export type FailureKind = "refused" | "person" | "unreachable";

/** Whose turn it is, of several issuers, and what they asked for. They go by the URLs of their directories. */
export interface IssuerTurn {
  readonly issuer: string;
  /** Of this issuer in a row, since it has its turn. */
  readonly failures: number;
  /** Issuers that are not to be asked before a moment, in milliseconds since the epoch (RFC 3339 on disk). */
  readonly waits: Readonly<Record<string, number>>;
}

/** What is remembered of a name whose certificate could not be had. */
export interface FailureMemory {
  readonly host: CertificateName;
  readonly kind: FailureKind;
  /** Failures in a row of this kind; at least 1. */
  readonly attempts: number;
  /** Milliseconds since the epoch (RFC 3339 on disk). */
  readonly nextAttemptAt: number;
  readonly lastError: LastError;
  /** `undefined`: there was none yet, or a program that knew no causes wrote this. */
  readonly cause?: Cause | undefined;
  /** `undefined`: the first issuer. */
  readonly turn?: IssuerTurn | undefined;
  /** The type of the challenge that failed last: the next attempt tries another one. */
  readonly failedChallenge?: string | undefined;
  /** When an order that said which certificate it replaces failed, perhaps by that (RFC 3339 on disk). */
  readonly replacingFailedAt?: number | undefined;
  /** What the configuration said of ordering this name, as a digest: another one may have mended the failure. */
  readonly configuration?: string | undefined;
  /** When an attempt was last brought forward because its CA issued for other names (RFC 3339 on disk). */
  readonly hurriedAt?: number | undefined;
}

/** As CONTRACT §3 shows it. */
export interface LastError {
  /** `urn:ietf:params:acme:error:…`, or a code of ours. */
  readonly type: string;
  /** The CA's own words, cut to 2,048 characters. */
  readonly detail: string;
  /** What a person can do about it. */
  readonly hint: string | undefined;
  /** Milliseconds since the epoch (RFC 3339 on disk). */
  readonly at: number;
}

/**
 * What made the last attempt fail that came to its end, for looks whether it is gone: while another
 * attempt is under way, `lastError` says only that.
 */
export interface Cause {
  /** As {@link LastError} has it. */
  readonly type: string;
  /** URL of the directory of the CA that was asked. */
  readonly issuer: string;
  /** The names by which that CA goes in CAA records; empty: it has not said. */
  readonly caaIdentities: readonly string[];
  /** When it was first seen from this machine, in milliseconds since the epoch (RFC 3339 on disk). */
  readonly seenAt?: number | undefined;
}

/** A CA may say more than anybody reads; what is saved must stay small enough to be read again. */
const TEXT_MAX_CHARACTERS = 2_048;
/** CAs go by a few names of DNS. */
const CAA_IDENTITIES_MAX = 16;
const NAME_MAX_CHARACTERS = 253;
const KINDS: readonly FailureKind[] = ["refused", "person", "unreachable"];

/** The failure memory, one file for each name that has failed since its last certificate. */
export class Attempts {
  readonly #storage: StorageFolder;

  constructor(storage: StorageFolder) {
    this.#storage = storage;
  }

  /**
   * What is remembered of `host`, or `undefined`. A broken file is moved to `quarantine/` and
   * nothing is remembered.
   *
   * @throws {LatchkeyError} `STORAGE_FAILED`.
   */
  load(host: CertificateName): Promise<FailureMemory | undefined> {
    return this.#read(attemptsFileOf(host), folderOf(host), async (path) => {
      const memory = await readMemory(path);
      if (memory !== undefined && memory.host !== host) {
        throw corrupt(path, "it is about another host");
      }
      return memory;
    });
  }

  /** @throws {LatchkeyError} `STORAGE_FAILED`, `STORAGE_LOCKED`. */
  async save(memory: FailureMemory): Promise<void> {
    await this.#storage.confirmWritable();
    const { host, kind, attempts, nextAttemptAt, lastError, cause, turn } = memory;
    const { failedChallenge, replacingFailedAt, configuration, hurriedAt } = memory;
    const folder = await ensureFolder(this.#storage.root, "attempts");
    await writeFileAtomically(
      join(folder, attemptsFileOf(host)),
      formatRecord({
        host,
        kind,
        attempts,
        nextAttemptAt: formatTime(nextAttemptAt),
        lastError: {
          type: lastError.type.slice(0, TEXT_MAX_CHARACTERS),
          detail: lastError.detail.slice(0, TEXT_MAX_CHARACTERS),
          hint: lastError.hint?.slice(0, TEXT_MAX_CHARACTERS),
          at: formatTime(lastError.at),
        },
        cause: cause && formatCause(cause),
        turn: turn && formatTurn(turn),
        failedChallenge,
        configuration,
        hurriedAt: optionalTime(hurriedAt),
        replacingFailedAt: optionalTime(replacingFailedAt),
      }),
      () => this.#storage.confirmWritable(),
    );
  }

  /**
   * Forgets the failures of `host`, if there are any.
   *
   * @throws {LatchkeyError} `STORAGE_FAILED`, `STORAGE_LOCKED`.
   */
  async clear(host: CertificateName): Promise<void> {
    await this.#storage.confirmWritable();
    const path = join(this.#folder, attemptsFileOf(host));
    try {
      await rm(path);
      await syncFolder(this.#folder);
    } catch (cause) {
      if (codeOf(cause) !== "ENOENT") throw failed(`remove "${path}"`, cause);
    }
  }

  /**
   * Everything remembered, in the order of file names; broken files are treated as in
   * {@link load}, unreadable ones are told in the log, what is not ours is passed over.
   *
   * @throws {LatchkeyError} `STORAGE_FAILED` when the folder cannot be read.
   */
  async all(): Promise<readonly FailureMemory[]> {
    const found: FailureMemory[] = [];
    for (const file of (await this.#files()).sort()) {
      try {
        const memory = await this.#readAny(file);
        if (memory !== undefined) found.push(memory);
      } catch (error) {
        // One file that the disk does not give back must not hide the others.
        this.#storage.log.warn("storage.unreadable", failureFacts(error));
      }
    }
    return found;
  }

  #readAny(file: string): Promise<FailureMemory | undefined> {
    return this.#read(file, file.slice(0, -".json".length), async (path) => {
      const memory = await readMemory(path);
      if (memory !== undefined && attemptsFileOf(memory.host) !== file) {
        throw corrupt(path, "it is about another host");
      }
      return memory;
    });
  }

  get #folder(): string {
    return join(this.#storage.root, "attempts");
  }

  async #files(): Promise<string[]> {
    try {
      return (await readdir(this.#folder)).filter((entry) => /^[^.].*\.json$/.test(entry));
    } catch (cause) {
      if (codeOf(cause) === "ENOENT") return [];
      throw failed(`read "${this.#folder}"`, cause);
    }
  }

  #read(
    file: string,
    subject: string,
    read: (path: string) => Promise<FailureMemory | undefined>,
  ): Promise<FailureMemory | undefined> {
    const path = join(this.#folder, file);
    const item = { path, under: ["attempts", subject], label: "attempts" };
    return readOrMoveAside(this.#storage, item, () => read(path));
  }
}

async function readMemory(path: string): Promise<FailureMemory | undefined> {
  const fields = await readRecord(path);
  if (fields === undefined) return undefined;
  const lastError = fields.object("lastError");
  const attempts = fields.count("attempts");
  if (attempts === 0) throw corrupt(path, '"attempts" is 0');
  return {
    host: fields.name("host"),
    kind: kindOf(fields, path),
    attempts,
    nextAttemptAt: fields.time("nextAttemptAt"),
    lastError: {
      type: lastError.text("type"),
      detail: lastError.text("detail"),
      hint: lastError.optionalText("hint"),
      at: lastError.time("at"),
    },
    ...(fields.keys.includes("cause") ? { cause: readCause(fields.object("cause")) } : {}),
    ...(fields.keys.includes("turn") ? { turn: readTurn(fields.object("turn")) } : {}),
    ...optionalTexts(fields, "failedChallenge"),
    ...optionalTexts(fields, "configuration"),
    ...readTime(fields, "hurriedAt"),
    ...readTime(fields, "replacingFailedAt"),
  };
}

function optionalTexts(fields: Fields, key: "failedChallenge" | "configuration") {
  const text = fields.optionalText(key);
  return text === undefined ? {} : { [key]: text };
}

function optionalTime(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : formatTime(ms);
}

function readTime(fields: Fields, key: "hurriedAt" | "replacingFailedAt" | "seenAt") {
  return fields.keys.includes(key) ? { [key]: fields.time(key) } : {};
}

function formatCause({ type, issuer, caaIdentities, seenAt }: Cause) {
  return {
    type: type.slice(0, TEXT_MAX_CHARACTERS),
    issuer,
    caaIdentities: caaIdentities
      .slice(0, CAA_IDENTITIES_MAX)
      .map((name) => name.slice(0, NAME_MAX_CHARACTERS)),
    seenAt: optionalTime(seenAt),
  };
}

function readCause(fields: Fields): Cause {
  return {
    type: fields.text("type"),
    issuer: fields.text("issuer"),
    caaIdentities: fields.texts("caaIdentities"),
    ...readTime(fields, "seenAt"),
  };
}

function formatTurn({ issuer, failures, waits }: IssuerTurn) {
  const times = Object.entries(waits).map(([name, until]) => [name, formatTime(until)] as const);
  return { issuer, failures, waits: Object.fromEntries(times) };
}

function readTurn(fields: Fields): IssuerTurn {
  const waits = fields.object("waits");
  return {
    issuer: fields.text("issuer"),
    failures: fields.count("failures"),
    waits: Object.fromEntries(waits.keys.map((name) => [name, waits.time(name)])),
  };
}

function kindOf(fields: Fields, path: string): FailureKind {
  const text = fields.text("kind");
  const kind = KINDS.find((known) => known === text);
  if (kind === undefined) throw corrupt(path, '"kind" is not known');
  return kind;
}
