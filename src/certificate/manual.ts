import { open } from "node:fs/promises";
import type { CertificateRecord } from "../base/certificate-record.ts";
import { readCredential } from "../base/credential.ts";
import { messageOf } from "../base/errors.ts";
import type { Config } from "../config/config.ts";
import { formatPattern } from "../config/host-pattern.ts";
import { foreignRecord } from "./records.ts";

/** No PEM file of a host is longer. */
const FILE_MAX_BYTES = 262_144;

/** What the files of a host make of its row. */
type Found = Pick<CertificateRecord, "serial" | "notBefore" | "notAfter"> &
  Partial<Pick<CertificateRecord, "state" | "lastError">>;

interface Files {
  readonly chain: string;
  readonly key: string;
}

/** The row of every host with files given by hand, by its pattern. Files that many hosts share are read once. */
export async function manualRecords(
  { hosts }: Config,
  now: number,
): Promise<ReadonlyMap<string, CertificateRecord>> {
  const records = new Map<string, CertificateRecord>();
  const seen = new Map<string, Found>();
  for (const { pattern, certificate } of hosts) {
    if (certificate.kind !== "manual") continue;
    const name = formatPattern(pattern);
    const files = JSON.stringify([certificate.chain, certificate.key]);
    const found = seen.get(files) ?? (await look(certificate, now));
    seen.set(files, found);
    records.set(name, { ...foreignRecord(name, "manual"), ...found });
  }
  return records;
}

/** What a pair of files holds now, or what is wrong with it. */
async function look(files: Files, now: number): Promise<Found> {
  try {
    const { serial, notBefore, notAfter } = readCredential(
      await readPem(files.chain),
      await readPem(files.key),
    );
    const [begin, end] = [new Date(notBefore).toISOString(), new Date(notAfter).toISOString()];
    return { serial, notBefore: begin, notAfter: end };
  } catch (error) {
    const hint = `Put a readable PEM chain into ${files.chain} and its key into ${files.key}.`;
    const lastError = {
      type: "CERTIFICATE_INVALID",
      detail: messageOf(error),
      hint,
      at: new Date(now).toISOString(),
    };
    return { serial: null, notBefore: null, notAfter: null, state: "failed", lastError };
  }
}

async function readPem(path: string): Promise<string> {
  await using file = await open(path, "r");
  const buffer = Buffer.alloc(FILE_MAX_BYTES);
  const { bytesRead } = await file.read(buffer, 0, FILE_MAX_BYTES, 0);
  return buffer.toString("utf8", 0, bytesRead);
}
