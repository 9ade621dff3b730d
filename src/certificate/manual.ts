import { open } from "node:fs/promises";
import type { CertificateRecord } from "../base/certificate-record.ts";
import { readCredential } from "../base/credential.ts";
import { messageOf } from "../base/errors.ts";
import type { Config } from "../config/config.ts";
import { formatPattern } from "../config/host-pattern.ts";
import { foreignRecord } from "./records.ts";

/** No PEM file of a host is longer. */
const FILE_MAX_BYTES = 262_144;

/** The row of every host with files given by hand, by its pattern. */
export async function manualRecords(
  { hosts }: Config,
  now: number,
): Promise<ReadonlyMap<string, CertificateRecord>> {
  const records = new Map<string, CertificateRecord>();
  for (const { pattern, certificate } of hosts) {
    if (certificate.kind !== "manual") continue;
    const name = formatPattern(pattern);
    records.set(name, await manualRecord(name, certificate, now));
  }
  return records;
}

/** The row of a host whose certificate was given by hand: what its files hold now, or what is wrong with them. */
async function manualRecord(
  host: string,
  files: { readonly chain: string; readonly key: string },
  now: number,
): Promise<CertificateRecord> {
  const row = foreignRecord(host, "manual");
  try {
    const { serial, notBefore, notAfter } = readCredential(
      await readPem(files.chain),
      await readPem(files.key),
    );
    const [begin, end] = [new Date(notBefore).toISOString(), new Date(notAfter).toISOString()];
    return { ...row, serial, notBefore: begin, notAfter: end };
  } catch (error) {
    const hint = `Put a readable PEM chain into ${files.chain} and its key into ${files.key}.`;
    const lastError = {
      type: "CERTIFICATE_INVALID",
      detail: messageOf(error),
      hint,
      at: new Date(now).toISOString(),
    };
    return { ...row, state: "failed", lastError };
  }
}

async function readPem(path: string): Promise<string> {
  await using file = await open(path, "r");
  const buffer = Buffer.alloc(FILE_MAX_BYTES);
  const { bytesRead } = await file.read(buffer, 0, FILE_MAX_BYTES, 0);
  return buffer.toString("utf8", 0, bytesRead);
}
