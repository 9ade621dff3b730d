import { type BigIntStats, statSync } from "node:fs";
import { stat } from "node:fs/promises";
import { codeOf } from "./errors.ts";

/**
 * A text that differs when something was written into the file, put in its place, or taken away; links are followed.
 * Never rejects.
 */
export async function stampOfFile(path: string): Promise<string> {
  return await stat(path, { bigint: true }).then(stampOf, whyNone);
}

/** The same at a start. Never throws. */
export function stampOfFileSync(path: string): string {
  try {
    return stampOf(statSync(path, { bigint: true }));
  } catch (error) {
    return whyNone(error);
  }
}

function stampOf({ ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [ino, size, mtimeNs, ctimeNs].join("-");
}

function whyNone(error: unknown): string {
  return codeOf(error) ?? "unknown";
}
