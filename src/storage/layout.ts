import { createHash } from "node:crypto";
import { type CertificateName, parseCertificateName } from "../base/certificate-name.ts";

/** Keys that must not come back: made with the first of them. */
export const REVOKED_FOLDER = "revoked";

/** The folders that a storage is made of; everything in it lies in one of them, or is one of three files. */
export const FOLDERS = [
  "accounts",
  "certificates",
  "orders",
  "attempts",
  "dns",
  "authority",
  REVOKED_FOLDER,
  "quarantine",
] as const;

/** The version of this layout, as `FORMAT` says it. */
export const FORMAT_VERSION = 1;

/** The files of a generation. */
export const GENERATION_FILES = ["chain.pem", "key.pem", "meta.json"] as const;

/** Files and folders in the making start with this; no host, and nothing else of ours, does. */
const TEMPORARY_PREFIX = ".tmp-";
/** `current` and the folders it leads to: 000001 … 999999. */
const GENERATION = /^[0-9]{6}$/;
const GENERATION_MAX = 999_999;
/** POSIX NAME_MAX of every file system in use: one name in a folder, in bytes. */
const NAME_MAX_BYTES = 255;
/** The readable part of an account folder; long enough for every known CA. */
const READABLE_MAX_CHARACTERS = 80;

/**
 * The folder of a name under `certificates/` and `orders/`: an exact host as it is, a wildcard as
 * `_.parent` (`_` cannot occur in a host, so the two never meet). Only what {@link parseCertificateName}
 * or the makers of a hostname let through can be passed in: nothing is repaired here.
 */
export function folderOf(name: CertificateName): string {
  return name.startsWith("*.") ? `_.${name.slice(2)}` : name;
}

/** The name whose folder is called `folder`, or `undefined` for what is no folder of ours. */
export function nameOf(folder: string): CertificateName | undefined {
  const name = parseCertificateName(folder.startsWith("_.") ? `*.${folder.slice(2)}` : folder);
  return name !== undefined && folderOf(name) === folder ? name : undefined;
}

/** The file of a name under `attempts/`. A name too long for `.json` behind it goes by its SHA-256. */
export function attemptsFileOf(name: CertificateName): string {
  const file = `${folderOf(name)}.json`;
  if (file.length <= NAME_MAX_BYTES) return file;
  // Neither a host nor a wildcard's folder can start with `_long.`.
  return `_long.${createHash("sha256").update(name).digest("hex")}.json`;
}

/**
 * The folder of a CA under `accounts/`: host and path to be read by people, and a hash of the whole
 * URL, so that two directories never share one.
 *
 * @throws {TypeError} when `directory` is no URL.
 */
export function accountFolderOf(directory: string): string {
  const url = new URL(directory);
  const readable = `${url.host}${url.pathname}`
    .toLowerCase()
    .replace(/[^a-z0-9.]+/g, "-")
    .replace(/^[-.]+/, "")
    .slice(0, READABLE_MAX_CHARACTERS)
    .replace(/[-.]+$/, "");
  const hash = createHash("sha256").update(url.href).digest("hex").slice(0, 16);
  return `${readable}-${hash}`;
}

/** The folder of a generation: six digits. */
export function generationFolderOf(generation: number): string {
  return String(generation).padStart(6, "0");
}

/** The generation that a folder name, or the target of `current`, stands for; `undefined` for anything else. */
export function parseGeneration(text: string): number | undefined {
  return GENERATION.test(text) && text !== "000000" ? Number(text) : undefined;
}

/** The generation after all of `taken`; once the digits are used up, the lowest that is free. */
export function nextGeneration(taken: readonly number[]): number {
  const next = Math.max(0, ...taken) + 1;
  if (next <= GENERATION_MAX) return next;
  const used = new Set(taken);
  let free = 1;
  while (used.has(free)) free += 1;
  return free;
}

/** A name for something in the making, given random text of its own. */
export function temporaryName(random: string): string {
  return `${TEMPORARY_PREFIX}${random}`;
}

/** Was this left by a write that never ended? */
export function isTemporary(entry: string): boolean {
  return entry.startsWith(TEMPORARY_PREFIX);
}
