import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { access, lstat, readdir, realpath, statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import { codeOf, LatchkeyError, messageOf } from "../base/errors.ts";
import { tryWrite } from "./atomic-write.ts";
import { reasonOf } from "./failure.ts";
import { isFree, parseLock } from "./lock-record.ts";
import { findProcess, thisProcess } from "./owner-process.ts";
import { inspectFolders } from "./prepare.ts";
import { RECORD_MAX_BYTES, readBounded } from "./read-file.ts";

/** The storage folder from outside. */
export interface StorageSight {
  readonly path: string;
  readonly folder: FolderSight;
}

export type FolderSight =
  /** There is none; `why` is why none can be made, if so. */
  | { readonly kind: "missing"; readonly why: string | undefined }
  /** It can never be used. */
  | { readonly kind: "unusable"; readonly why: string }
  | {
      readonly kind: "there";
      readonly uid: number;
      /** Permission bits. */
      readonly mode: number;
      readonly freeBytes: number;
      readonly kept: "on disk" | "in memory" | "in a container" | "on the network";
      /** Why nothing can be written now; `undefined` when it can, as far as was tried, or it is not ours. */
      readonly unwritable: string | undefined;
      /** Who holds the lease now. */
      readonly holder: Holder | undefined;
      /** Entries in `quarantine/`. */
      readonly quarantined: number;
    };

export interface Holder {
  readonly pid: number;
  readonly host: string;
  /** Does it live for certain? Of a process of another machine or container only its heartbeats tell. */
  readonly isAlive: boolean;
}

/** As much as an issuance needs; see `PROBE_BYTES` of storage.ts. */
const PROBE_BYTES = 65_536;
/** statfs(2). */
const MEMORY = [0x01021994, 0x858458f6]; // tmpfs, ramfs
const OVERLAY = [0x794c7630];
const NETWORK = [0x6969, 0xff534d42, 0xfe534d42, 0x517b, 0x65735546]; // NFS, CIFS, SMB2, SMB, FUSE

export interface StorageLook {
  /** Is 64 KiB written? Only where nobody else may write: without a program that runs. */
  readonly tryWriting: boolean;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/**
 * Looks at the folder as it is; writes and removes 64 KiB beside its files, if it is ours, and changes nothing else.
 * Never rejects.
 */
export async function lookAtStorage(path: string, options: StorageLook): Promise<StorageSight> {
  try {
    return { path, folder: await lookAtFolder(await realpath(path), options) };
  } catch (error) {
    const isMissing = codeOf(error) === "ENOENT";
    if (isMissing) return { path, folder: { kind: "missing", why: await whyNotMade(path) } };
    const why = error instanceof LatchkeyError ? messageOf(error) : reasonOf(error);
    return { path, folder: { kind: "unusable", why } };
  }
}

async function lookAtFolder(root: string, options: StorageLook): Promise<FolderSight> {
  await inspectFolders(root, false);
  const [stats, system] = [await lstat(root), await statfs(root)];
  const isOurs = stats.uid === process.geteuid?.();
  return {
    kind: "there",
    uid: stats.uid,
    mode: stats.mode & 0o777,
    freeBytes: system.bavail * system.bsize,
    kept: keptOf(system.type),
    unwritable: isOurs ? await whyUnwritable(root, options) : undefined,
    holder: await holderOf(root, options.now),
    quarantined: (await readdir(join(root, "quarantine")).catch(() => [])).length,
  };
}

function keptOf(type: number): Extract<FolderSight, { kind: "there" }>["kept"] {
  if (MEMORY.includes(type)) return "in memory";
  if (OVERLAY.includes(type)) return "in a container";
  return NETWORK.includes(type) ? "on the network" : "on disk";
}

async function whyUnwritable(
  root: string,
  { tryWriting }: StorageLook,
): Promise<string | undefined> {
  try {
    // Root may write everywhere but on a file system that is read-only: this tells.
    await access(root, constants.W_OK);
    if (tryWriting) await tryWrite(root, randomBytes(PROBE_BYTES));
    return undefined;
  } catch (error) {
    return error instanceof LatchkeyError ? messageOf(error) : reasonOf(error);
  }
}

async function holderOf(root: string, now: number): Promise<Holder | undefined> {
  const bytes = await readBounded(join(root, "lock"), RECORD_MAX_BYTES);
  const record = bytes && parseLock(bytes);
  if (record === undefined) return undefined;
  const [found, here] = [await findProcess(record.pid), await thisProcess()];
  if (isFree(record, here, found, now)) return undefined;
  const isAlive = record.host === here.host && record.place === here.place;
  return { pid: record.pid, host: record.host, isAlive };
}

/** The nearest folder above that is there must let us make another one in it. */
async function whyNotMade(path: string): Promise<string | undefined> {
  for (let above = dirname(path); ; above = dirname(above)) {
    try {
      if (!(await lstat(await realpath(above))).isDirectory()) return `"${above}" is not a folder`;
      await access(above, constants.W_OK | constants.X_OK);
      return undefined;
    } catch (error) {
      if (codeOf(error) !== "ENOENT" || dirname(above) === above)
        return `in "${above}": ${reasonOf(error)}`;
    }
  }
}
