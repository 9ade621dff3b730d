import { lstat } from "node:fs/promises";
import { join } from "node:path";
import type { CertificateName } from "../base/certificate-name.ts";
import { codeOf } from "../base/errors.ts";
import { failed } from "./failure.ts";
import { folderOf } from "./layout.ts";

/**
 * The folder of a host that has a certificate in it. What goes with a certificate is not written without it: a folder
 * that was deleted and has come back for an aside would look whole.
 *
 * @throws {LatchkeyError} `STORAGE_FAILED`.
 */
export async function issuedFolder(
  root: string,
  host: CertificateName,
): Promise<string | undefined> {
  const folder = join(root, "certificates", folderOf(host));
  try {
    await lstat(join(folder, "current"));
    return folder;
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") return undefined;
    throw failed(`read "${folder}"`, cause);
  }
}
