import { join } from "node:path";
import { codeOf } from "../base/errors.ts";
import { readKeyFile } from "./key-file.ts";
import { generationFolderOf } from "./layout.ts";
import { listGenerations, readPointer } from "./read-certificate.ts";

/** The key of one generation of a host. */
export interface GenerationKey {
  readonly generation: number;
  /** PEM. Never logged. */
  readonly key: string;
  readonly isCurrent: boolean;
}

/**
 * The keys in a host's folder, the newest first. A generation whose key cannot be read is passed over: it is never
 * served.
 *
 * @throws {LatchkeyError} `STORAGE_FAILED`.
 */
export async function readGenerationKeys(folder: string): Promise<readonly GenerationKey[]> {
  const current = await readPointer(folder);
  const found: GenerationKey[] = [];
  for (const generation of await listGenerations(folder)) {
    const path = join(folder, generationFolderOf(generation), "key.pem");
    const key = await readKeyFile(path).catch((error: unknown) => {
      if (codeOf(error) !== "STORAGE_CORRUPT") throw error;
      return undefined;
    });
    if (key !== undefined) found.push({ generation, key, isCurrent: generation === current });
  }
  return found;
}
