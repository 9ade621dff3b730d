import { chmodSync, lstatSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join, relative } from "node:path";
import { forEachAtOnce } from "../base/at-once.ts";
import { codeOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { removeLeftovers } from "./atomic-write.ts";
import { parseGeneration, REVOKED_FOLDER } from "./layout.ts";

/** Node asks the disk for four things at once. */
const FOLDERS_AT_ONCE = 8;
/** Bits that let anybody but the owner in. */
const OTHERS = 0o077;

/**
 * Puts in order what a killed program, or a copy by hand, left: removes what is half written (the folders of accounts
 * and orders are cleared when they are written next), and closes to other users what is ours and holds keys, told in
 * one line (`storage.tightened`). Only the holder of the lease may call it. What the disk refuses is left to another
 * start.
 */
export async function sweep(root: string, log: Log): Promise<void> {
  const [hosts, accounts, orders] = await Promise.all(
    ["certificates", "accounts", "orders"].map(async (name) =>
      (await namesIn(join(root, name))).map((entry) => join(root, name, entry)),
    ),
  );
  const loose: Loose[] = [];
  const cleared = [".", "attempts", "authority", "dns", "orders", REVOKED_FOLDER].map((name) =>
    join(root, name),
  );
  await forEachAtOnce(cleared, FOLDERS_AT_ONCE, clear);
  await forEachAtOnce(hosts ?? [], FOLDERS_AT_ONCE, async (folder) => {
    await clear(folder);
    tighten(folder, loose);
    for (const generation of (await namesIn(folder)).filter(isGeneration)) {
      tighten(join(folder, generation), loose);
      tighten(join(folder, generation, "key.pem"), loose);
    }
  });
  const others = [join(root, "authority"), ...(accounts ?? []), ...(orders ?? [])];
  await forEachAtOnce(others, FOLDERS_AT_ONCE, async (folder) => {
    tighten(folder, loose);
    for (const name of await namesIn(folder)) tighten(join(folder, name), loose);
  });
  tell(root, loose, log);
}

interface Loose {
  readonly path: string;
  readonly from: string;
}

async function clear(folder: string): Promise<void> {
  await removeLeftovers(folder).catch((error: unknown) => {
    if (codeOf(error) !== "STORAGE_FAILED") throw error;
  });
}

/** What the disk has at hand, for it was just listed: a promise for each of tens of thousands would cost more. */
function tighten(path: string, loose: Loose[]): void {
  try {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    const isOurs = stats !== undefined && stats.uid === process.geteuid?.();
    if (!isOurs || (stats.mode & OTHERS) === 0 || !(stats.isDirectory() || stats.isFile())) return;
    chmodSync(path, stats.isDirectory() ? 0o700 : 0o600);
    loose.push({ path, from: (stats.mode & 0o777).toString(8) });
  } catch {
    // It stays as it is behind the root of the storage, which is closed.
  }
}

function tell(root: string, loose: readonly Loose[], log: Log): void {
  const [first] = loose;
  if (first === undefined) return;
  const others = loose.length - 1;
  log.warn("storage.tightened", {
    path: relative(root, first.path),
    from: first.from,
    others: others > 0 ? others : undefined,
    to: "700, files 600",
  });
}

/** Without links: what lies behind one is not ours to put in order. */
async function namesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => !entry.isSymbolicLink()).map(({ name }) => name);
}

function isGeneration(name: string): boolean {
  return parseGeneration(name) !== undefined;
}
