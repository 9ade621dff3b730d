import { X509Certificate } from "node:crypto";
import { join } from "node:path";
import { codeOf, messageOf } from "../base/errors.ts";
import { PEM_MAX_BYTES, readBounded } from "../storage/read-file.ts";
import { readConfiguration } from "./configuration.ts";
import { EXIT } from "./exit.ts";
import { lacksCertutil, type TrustStore, trustStores } from "./trust-stores.ts";

/** `latchkey trust`: the root of the internal authority is trusted on this machine from now on. */
export async function trust(file: string | undefined): Promise<number> {
  const { storage } = await readConfiguration(file);
  const path = join(storage, "authority", "root.pem");
  const root = (await readBounded(path, PEM_MAX_BYTES))?.toString();
  if (root === undefined)
    return fail(
      `There is no ${path} yet: it is made when a host of the internal authority is first run`,
    );
  const known = readRoot(root);
  if (known === undefined) return fail(`Cannot trust ${path}: it holds no root certificate`);
  tell(`The root at ${path}, valid until ${known.validTo}, SHA-256 ${known.fingerprint256}:`);
  return await atEach(async (store) => {
    await store.trust(root);
    return "trusted by";
  });
}

/** `latchkey untrust`: no root of ours is trusted any more. It needs neither configuration nor storage. */
export async function untrust(): Promise<number> {
  return await atEach(async (store) =>
    (await store.untrust()) ? "no longer trusted by" : "was not trusted by",
  );
}

/** Does it at every store, whatever becomes of the others. */
async function atEach(work: (store: TrustStore) => Promise<string>): Promise<number> {
  const stores = await trustStores();
  let isDone = stores.length > 0;
  for (const store of stores) {
    try {
      tell(`  ${await work(store)} ${store.name}`);
    } catch (error) {
      isDone = false;
      tell(`  failed for ${store.name}: ${messageOf(error)}${remedyFor(error)}`);
    }
  }
  if (stores.length === 0) return fail("Cannot find where this machine keeps the roots it trusts");
  if (await lacksCertutil())
    tell("  browsers of this user were left alone: that takes `certutil` (libnss3-tools)");
  return isDone ? EXIT.ok : EXIT.failed;
}

function readRoot(pem: string): X509Certificate | undefined {
  try {
    const certificate = new X509Certificate(pem);
    return certificate.ca ? certificate : undefined;
  } catch {
    return undefined;
  }
}

/** Whose store it is may change it. */
function remedyFor(error: unknown): string {
  const isForbidden = ["EACCES", "EPERM", "EROFS"].includes(codeOf(error) ?? "");
  return isForbidden ? "; run it as root (sudo)" : "";
}

function tell(line: string): void {
  process.stdout.write(`${line}\n`);
}

function fail(why: string): number {
  process.stderr.write(`latchkey: ${why}\n`);
  return EXIT.failed;
}
