import { createCipheriv, createDecipheriv, randomBytes, scrypt } from "node:crypto";
import { promisify } from "node:util";
import { codeOf, LatchkeyError, messageOf } from "../base/errors.ts";

/** Something of a storage, by its path in it: segments with `/` between them. */
export type ArchiveEntry =
  | { readonly kind: "file"; readonly path: string; readonly data: Buffer }
  | { readonly kind: "link"; readonly path: string; readonly target: string };

/** A key that a passphrase opens, and what stands in the first line of the archive. */
export interface ArchiveKey {
  /** The first line: JSON, readable by anybody. */
  readonly header: string;
  readonly secret: Buffer;
}

/** 2^17 rounds in 128 MiB: half a second of this machine's for each guess. */
const ROUNDS = 131_072;
const SALT_BYTES = 16;
const SECRET_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const SCRYPT = { N: ROUNDS, r: 8, p: 1, maxmem: 256 * ROUNDS * 8 };
const FORMAT = "latchkey-backup";
const VERSION = 1;
/** The last line of an archive: without it something is missing. */
const END = { kind: "end" };

const derive: (
  passphrase: string,
  salt: Buffer,
  bytes: number,
  options: typeof SCRYPT,
) => Promise<Buffer> = promisify(scrypt);

/** Derives the key of a new archive from a passphrase, with a salt of its own (RFC 7914). */
export async function newArchiveKey(passphrase: string): Promise<ArchiveKey> {
  const salt = randomBytes(SALT_BYTES);
  const header = JSON.stringify({
    format: FORMAT,
    version: VERSION,
    kdf: "scrypt",
    rounds: ROUNDS,
    salt: salt.toString("base64"),
  });
  return { header, secret: await derive(passphrase, salt, SECRET_BYTES, SCRYPT) };
}

/**
 * Derives the key of the archive whose first line this is.
 *
 * @throws {LatchkeyError} `BACKUP_UNREADABLE`.
 */
export async function archiveKeyOf(header: string, passphrase: string): Promise<ArchiveKey> {
  const salt = saltIn(header);
  return { header, secret: await derive(passphrase, salt, SECRET_BYTES, SCRYPT) };
}

/**
 * The lines of an archive, its header first: every entry sealed by itself (AES-256-GCM) with its
 * place as the nonce, so that no line can be changed, moved or left out unseen; the last one says so.
 */
export async function* seal(
  key: ArchiveKey,
  entries: AsyncIterable<ArchiveEntry>,
): AsyncGenerator<string> {
  yield key.header;
  let place = 0;
  for await (const entry of entries) {
    const { path } = entry;
    const written =
      entry.kind === "file"
        ? { kind: entry.kind, path, data: entry.data.toString("base64") }
        : { kind: entry.kind, path, target: entry.target };
    yield sealLine(key, place++, written);
  }
  yield sealLine(key, place, END);
}

/**
 * The entries of an archive, from the lines after its header. Ends without an error only when all of it
 * was there.
 *
 * @throws {LatchkeyError} `BACKUP_UNREADABLE`: a wrong passphrase, or an archive that is not whole.
 */
export async function* unseal(
  key: ArchiveKey,
  lines: AsyncIterable<string>,
): AsyncGenerator<ArchiveEntry> {
  let place = 0;
  let hasEnded = false;
  for await (const line of lines) {
    if (hasEnded) throw unreadable("something follows its end");
    const { kind, path, data, target } = Object(openLine(key, place++, line));
    if (kind === END.kind) hasEnded = true;
    else if (kind === "file") {
      yield { kind, path: pathIn(path), data: Buffer.from(String(data), "base64") };
    } else if (kind === "link") yield { kind, path: pathIn(path), target: String(target) };
    else throw unreadable(`it holds a ${kind}, which this version does not know`);
  }
  if (!hasEnded) throw unreadable("its end is missing");
}

function sealLine({ header, secret }: ArchiveKey, place: number, value: object): string {
  const cipher = createCipheriv("aes-256-gcm", secret, nonceOf(place)).setAAD(Buffer.from(header));
  const sealed = [cipher.update(JSON.stringify(value), "utf8"), cipher.final()];
  return Buffer.concat([...sealed, cipher.getAuthTag()]).toString("base64");
}

function openLine({ header, secret }: ArchiveKey, place: number, line: string): unknown {
  const bytes = Buffer.from(line, "base64");
  if (bytes.length <= TAG_BYTES) throw unreadable("a line of it is too short");
  const decipher = createDecipheriv("aes-256-gcm", secret, nonceOf(place));
  decipher.setAAD(Buffer.from(header)).setAuthTag(bytes.subarray(-TAG_BYTES));
  try {
    const opened = [decipher.update(bytes.subarray(0, -TAG_BYTES)), decipher.final()];
    return JSON.parse(Buffer.concat(opened).toString("utf8"));
  } catch (cause) {
    const why = place === 0 ? "the passphrase is wrong, or the file was changed" : "it was changed";
    throw unreadable(why, cause);
  }
}

function nonceOf(place: number): Buffer {
  const nonce = Buffer.alloc(NONCE_BYTES);
  nonce.writeUIntBE(place, NONCE_BYTES - 6, 6);
  return nonce;
}

function saltIn(header: string): Buffer {
  const { format, version, rounds, salt } = Object(parsed(header));
  if (format !== FORMAT) throw unreadable("it is no backup of Latchkey");
  if (version !== VERSION || rounds !== ROUNDS)
    throw unreadable(`a newer Latchkey wrote it (version ${version})`);
  const bytes = Buffer.from(String(salt), "base64");
  if (bytes.length !== SALT_BYTES) throw unreadable("its first line is broken");
  return bytes;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw unreadable("it is no backup of Latchkey", cause);
  }
}

function pathIn(value: unknown): string {
  if (typeof value === "string" && isInside(value)) return value;
  throw unreadable("it holds a path that leads out of a storage");
}

/** A relative path without tricks. */
function isInside(path: string): boolean {
  return path.split("/").every((segment) => /^(?!\.{1,2}$)[\w.:*-]{1,255}$/.test(segment));
}

function unreadable(why: string, cause?: unknown): LatchkeyError {
  const detail = cause === undefined || codeOf(cause) === undefined ? "" : ` (${messageOf(cause)})`;
  return new LatchkeyError(
    "BACKUP_UNREADABLE",
    `Cannot read the backup: ${why}${detail}`,
    {},
    { cause },
  );
}
