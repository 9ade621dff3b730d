import { codeOf, LatchkeyError, messageOf } from "../base/errors.ts";

/** What the system's codes mean to a person. */
const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  EROFS: "the file system is read-only",
  EIO: "the disk reports an input/output error",
  EACCES: "permission denied",
  EPERM: "permission denied",
  ERR_ACCESS_DENIED: "permission denied",
  ENOENT: "it does not exist",
  EEXIST: "a file stands where a folder is wanted",
  ENOTDIR: "a file stands where a folder is wanted",
  EMFILE: "this process has too many files open",
  ENFILE: "the machine has too many files open",
};

/** A read or write that the system refused, in plain words. What is a `LatchkeyError` already stays as it is. */
export function failed(action: string, cause: unknown): LatchkeyError {
  if (cause instanceof LatchkeyError) return cause;
  const message = `Cannot ${action}: ${reasonOf(cause)}`;
  return new LatchkeyError("STORAGE_FAILED", message, { errno: codeOf(cause) }, { cause });
}

/** Why the system refused, in plain words. */
export function reasonOf(cause: unknown): string {
  return REASONS[codeOf(cause) ?? ""] ?? messageOf(cause);
}

/** Something is there, and is not what we wrote. Never says what it found: it may be a key. */
export function corrupt(path: string, why: string, cause?: unknown): LatchkeyError {
  return new LatchkeyError(
    "STORAGE_CORRUPT",
    `Cannot read "${path}": ${why}`,
    { path },
    cause === undefined ? undefined : { cause },
  );
}

/** The folder as a whole cannot be used, and a person has to look. */
export function unusable(path: string, why: string, cause?: unknown): LatchkeyError {
  return new LatchkeyError(
    "STORAGE_UNUSABLE",
    `Cannot use the storage folder "${path}": ${why}`,
    { path },
    cause === undefined ? undefined : { cause },
  );
}
