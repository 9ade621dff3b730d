import { open } from "node:fs/promises";
import { forEachAtOnce } from "../base/at-once.ts";
import type { CertificateRecord } from "../base/certificate-record.ts";
import { readCredential } from "../base/credential.ts";
import { messageOf } from "../base/errors.ts";
import type { Config } from "../config/config.ts";
import { formatPattern } from "../config/host-pattern.ts";
import { limits } from "../config/limits.ts";
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
  const pairs = new Map<string, Files>();
  const pairOf = new Map<string, string>();
  for (const { pattern, certificate } of hosts) {
    if (certificate.kind !== "manual") continue;
    const { chain, key } = certificate;
    const pair = JSON.stringify([chain, key]);
    pairs.set(pair, { chain, key });
    pairOf.set(formatPattern(pattern), pair);
  }
  const found = new Map<string, Found>();
  await forEachAtOnce(pairs, limits.adoptedAtOnce, async ([pair, files]) => {
    found.set(pair, await look(files, now));
  });
  const rowOf = (name: string, pair: string) => ({
    ...foreignRecord(name, "manual"),
    ...found.get(pair),
  });
  return new Map([...pairOf].map(([name, pair]) => [name, rowOf(name, pair)]));
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
  const { size } = await file.stat();
  const length = Math.min(size, FILE_MAX_BYTES);
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read(buffer, 0, length, 0);
  return buffer.toString("utf8", 0, bytesRead);
}
