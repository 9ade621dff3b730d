import { lstat, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import type { CertificateName } from "../base/certificate-name.ts";
import { type Credential, readCredential } from "../base/credential.ts";
import { codeOf, LatchkeyError, messageOf } from "../base/errors.ts";
import { corrupt, failed } from "./failure.ts";
import { folderOf, generationFolderOf, parseGeneration } from "./layout.ts";
import { PEM_MAX_BYTES, readBounded } from "./read-file.ts";
import { type Fields, readRecord } from "./record.ts";

/** What is known of a stored certificate besides itself. */
export interface CertificateMeta {
  /** URL of the directory (RFC 8555 §7.1.1) of the CA that issued it. */
  readonly issuer: string;
  readonly host: CertificateName;
  /** As {@link Credential.serial}. */
  readonly serial: string;
  /** When it was stored, in milliseconds since the epoch (RFC 3339 on disk). */
  readonly issuedAt: number;
  /** The profile asked for, if one was. */
  readonly profile?: string | undefined;
  /** URL of the order it came from. */
  readonly order?: string | undefined;
}

/** One generation of a host's certificate, read whole. */
export interface StoredCertificate {
  readonly host: CertificateName;
  /** 1 to 999999; grows with each issuance. */
  readonly generation: number;
  readonly credential: Credential;
  readonly meta: CertificateMeta;
  /** `current` did not lead to a whole generation: this is the highest other one. */
  readonly fellBack: boolean;
}

/** A generation that could not be read, and why. */
export interface BrokenGeneration {
  readonly generation: number;
  readonly error: LatchkeyError;
}

/** What a look into the folder of one host found. */
export interface HostReading {
  readonly stored: StoredCertificate | undefined;
  /** What stood before `stored` and could not be read; the first entry is the one that `current` names. */
  readonly broken: readonly BrokenGeneration[];
}

/** Why a certificate with this key (PEM) must not be served though it is whole; `undefined` when it may. */
export type RefuseKey = (key: string, isCurrent: boolean) => string | undefined;

const refuseNone: RefuseKey = () => undefined;

/** A reader that a swap overtakes starts again; swaps of one host are seconds apart at the least. */
const OVERTAKEN_MAX = 3;

/**
 * The certificate that `certificatesFolder` holds for `host`, or `undefined` when there is none.
 * Reads nothing outside that folder, writes nothing, and may run beside the writer in another
 * process. A broken `current` makes it fall back to the highest other generation that reads well.
 *
 * @throws {LatchkeyError} `STORAGE_CORRUPT` when something is there and nothing of it is whole;
 *   `STORAGE_FAILED` when the system refuses to read.
 */
export async function readCurrent(
  certificatesFolder: string,
  host: CertificateName,
): Promise<StoredCertificate | undefined> {
  const { stored, broken } = await readHost(certificatesFolder, host);
  if (stored === undefined && broken[0] !== undefined) throw broken[0].error;
  return stored;
}

/**
 * As {@link readCurrent}, and says what was broken on the way.
 *
 * @throws {LatchkeyError} `STORAGE_CORRUPT` when the host's folder is not a folder; `STORAGE_FAILED`.
 */
export async function readHost(
  certificatesFolder: string,
  host: CertificateName,
  refuse: RefuseKey = refuseNone,
): Promise<HostReading> {
  const folder = join(certificatesFolder, folderOf(host));
  let reading: HostReading = { stored: undefined, broken: [] };
  for (let attempt = 0; attempt < OVERTAKEN_MAX; attempt += 1) {
    if (!(await isFolder(folder))) return { stored: undefined, broken: [] };
    const current = await readPointer(folder);
    reading = await readGenerations(folder, host, current, refuse);
    if (reading.stored?.fellBack === false || (await readPointer(folder)) === current) break;
  }
  return reading;
}

/**
 * The whole generation of `host` that holds the certificate with that serial, current or not; `undefined` when there is none.
 *
 * @throws {LatchkeyError} `STORAGE_FAILED`.
 */
export async function findGeneration(
  certificatesFolder: string,
  host: CertificateName,
  serial: string,
): Promise<number | undefined> {
  const folder = join(certificatesFolder, folderOf(host));
  for (const generation of await listGenerations(folder)) {
    try {
      const stored = await readGeneration(folder, host, generation, undefined);
      if (stored?.meta.serial === serial) return generation;
    } catch (error) {
      if (codeOf(error) !== "STORAGE_CORRUPT") throw error;
    }
  }
  return undefined;
}

/** The generation that `current` in a host's folder names; `undefined` when it names none. */
export async function readPointer(folder: string): Promise<number | undefined> {
  try {
    return parseGeneration(await readlink(join(folder, "current")));
  } catch (cause) {
    const code = codeOf(cause);
    // EINVAL: there is something, and it is not a link.
    if (code === "ENOENT" || code === "ENOTDIR" || code === "EINVAL") return undefined;
    throw failed(`read "${folder}"`, cause);
  }
}

/** The generations in a host's folder, highest first. Whatever else lies there is passed over. */
export async function listGenerations(folder: string): Promise<number[]> {
  try {
    return (await readdir(folder))
      .map(parseGeneration)
      .filter((generation) => generation !== undefined)
      .sort((a, b) => b - a);
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") return [];
    throw failed(`read "${folder}"`, cause);
  }
}

async function readGenerations(
  folder: string,
  host: CertificateName,
  current: number | undefined,
  refuse: RefuseKey,
): Promise<HostReading> {
  const broken: BrokenGeneration[] = [];
  const tryGeneration = async (generation: number) => {
    try {
      const stored = await readGeneration(folder, host, generation, current);
      const why = stored && refuse(stored.credential.key, generation === current);
      if (why === undefined) return stored;
      throw corrupt(join(folder, generationFolderOf(generation)), why);
    } catch (error) {
      if (!(error instanceof LatchkeyError)) throw error;
      broken.push({ generation, error });
      return undefined;
    }
  };
  if (current !== undefined) {
    const stored = await tryGeneration(current);
    if (stored !== undefined) return { stored, broken };
  }
  for (const generation of await listGenerations(folder)) {
    if (generation === current) continue;
    const stored = await tryGeneration(generation);
    if (stored !== undefined) return { stored, broken };
  }
  return { stored: undefined, broken };
}

/** One generation, or `undefined` when there is no such folder. */
async function readGeneration(
  folder: string,
  host: CertificateName,
  generation: number,
  current: number | undefined,
): Promise<StoredCertificate | undefined> {
  const path = join(folder, generationFolderOf(generation));
  if (!(await isFolder(path))) return undefined;
  const chain = await readText(join(path, "chain.pem"));
  const key = await readText(join(path, "key.pem"));
  const meta = readMeta(await requireRecord(join(path, "meta.json")));
  const credential = credentialOf(path, chain, key);
  if (meta.host !== host) throw corrupt(path, `its meta.json is about "${meta.host}"`);
  if (meta.serial !== credential.serial) throw corrupt(path, "its meta.json has another serial");
  if (!certifies(credential, host)) throw corrupt(path, `its certificate is not for "${host}"`);
  return { host, generation, credential, meta, fellBack: generation !== current };
}

/** Does the leaf name `host`: itself, or for a host the wildcard one label up (RFC 9525 §6.3)? */
export function certifies({ names }: Credential, host: CertificateName): boolean {
  if (names.includes(host)) return true;
  return host.includes(".") && names.includes(`*${host.slice(host.indexOf("."))}`);
}

function credentialOf(path: string, chain: string, key: string): Credential {
  try {
    return readCredential(chain, key);
  } catch (cause) {
    throw corrupt(path, messageOf(cause), cause);
  }
}

function readMeta(fields: Fields): CertificateMeta {
  return {
    issuer: fields.text("issuer"),
    host: fields.name("host"),
    serial: fields.text("serial"),
    issuedAt: fields.time("issuedAt"),
    profile: fields.optionalText("profile"),
    order: fields.optionalText("order"),
  };
}

async function requireRecord(path: string): Promise<Fields> {
  const fields = await readRecord(path);
  if (fields === undefined) throw corrupt(path, "it is missing");
  return fields;
}

async function readText(path: string): Promise<string> {
  const bytes = await readBounded(path, PEM_MAX_BYTES);
  if (bytes === undefined) throw corrupt(path, "it is missing");
  return bytes.toString("utf8");
}

/** Is there a folder? Nothing there is `false`; anything else there is corrupt. */
async function isFolder(path: string): Promise<boolean> {
  try {
    if ((await lstat(path)).isDirectory()) return true;
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") return false;
    throw failed(`read "${path}"`, cause);
  }
  throw corrupt(path, "it is not a folder");
}
