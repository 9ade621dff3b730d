/**
 * The program that the storage faults are inflicted on: `node storage-program.ts ROOT CHAIN KEY`
 * does what the manager does around one issuance. Exits with 0, or with 3 when storage says that
 * something failed.
 */
import { readFile } from "node:fs/promises";
import { systemClock } from "../../src/base/clock.ts";
import { LatchkeyError } from "../../src/base/errors.ts";
import { Storage } from "../../src/storage/storage.ts";
import { directory, keptLog, named } from "../support/stored.ts";

const [root = "", chainFile = "", keyFile = ""] = process.argv.slice(2);
const host = named("store.shop.example");
const chain = await readFile(chainFile, "utf8");
const key = await readFile(keyFile, "utf8");
const order = { host, directory, orderUrl: `${directory}/order/2`, key, createdAt: 2_000 };

try {
  await using storage = await Storage.open({ root, clock: systemClock, log: keptLog() });
  await storage.acquire(new AbortController().signal);
  await storage.orders.save(order);
  await storage.certificates.save(host, { chain, key }, { issuer: directory });
  await storage.orders.remove(host);
  await storage.attempts.clear(host);
} catch (error) {
  if (!(error instanceof LatchkeyError)) throw error;
  process.stderr.write(`${error.code}\n`);
  process.exitCode = 3;
}
