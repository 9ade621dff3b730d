import assert from "node:assert/strict";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { Accounts } from "../../src/storage/accounts.ts";
import { Attempts } from "../../src/storage/attempts.ts";
import { AuthorityFiles } from "../../src/storage/authority-files.ts";
import { BudgetFile } from "../../src/storage/budgets.ts";
import { Certificates } from "../../src/storage/certificates.ts";
import { CommandRuns } from "../../src/storage/command-runs.ts";
import { Orders } from "../../src/storage/orders.ts";
import { PublishedRecords } from "../../src/storage/published-records.ts";
import { RenewalInfos } from "../../src/storage/renewal-info.ts";
import { RevokedKeys } from "../../src/storage/revoked-keys.ts";
import type { StorageFolder } from "../../src/storage/storage-folder.ts";
import { ToldTroubles } from "../../src/storage/told-troubles.ts";
import { entriesOf } from "../support/folders.ts";
import { certificateFor, directory, named, openStorage } from "../support/stored.ts";

const host = named("store.shop.example");
const { key } = certificateFor(host);
const order = { host, directory, orderUrl: `${directory}/order/1`, key, createdAt: 0 };
const lastError = { type: "a", detail: "b", hint: undefined, at: 0 };
const failure = { host, kind: "refused", attempts: 1, nextAttemptAt: 0, lastError } as const;
const run = { serial: "01", failures: 0, nextAttemptAt: undefined, detail: undefined };
const record = { certificate: host, name: `_acme-challenge.${host}`, value: "one" };
const spent = {
  directory,
  kind: "names",
  subject: host,
  fullAt: 1,
  closedUntil: undefined,
} as const;
const told = {
  ...({ key: `renewal.failing ${host}`, kind: "renewal.failing", host } as const),
  ...({ severity: "warning", message: "it fails", since: 0, state: "begun" } as const),
  ...{ toldAt: 0, isDelivered: true, endedAt: undefined },
};
const advice = { nextCheckAt: 0, failures: 0, window: undefined, hurriedAt: undefined };

/** Every way to change what storage holds, and how often it asks for the lease before something is seen of it. */
const changes: readonly {
  readonly what: string;
  readonly asks: number;
  readonly make: (folder: StorageFolder) => Promise<unknown>;
}[] = [
  {
    what: "a certificate",
    asks: 3,
    make: (folder) =>
      new Certificates(folder, new RevokedKeys(folder)).save(host, certificateFor(host), {
        issuer: directory,
      }),
  },
  { what: "an order", asks: 3, make: (folder) => new Orders(folder).save(order) },
  { what: "the end of an order", asks: 1, make: (folder) => new Orders(folder).remove(host) },
  { what: "a failure", asks: 2, make: (folder) => new Attempts(folder).save(failure) },
  { what: "the end of failures", asks: 1, make: (folder) => new Attempts(folder).clear(host) },
  {
    what: "an account",
    asks: 3,
    make: (folder) => new Accounts(folder).save({ directory, key, url: undefined, createdAt: 0 }),
  },
  {
    what: "renewal advice",
    asks: 2,
    make: (folder) => new RenewalInfos(folder).save(host, { serial: "01", ...advice }),
  },
  { what: "a budget", asks: 2, make: (folder) => new BudgetFile(folder).save([spent]) },
  {
    what: "what was told",
    asks: 2,
    make: (folder) => new ToldTroubles(folder).of("exec").save([told]),
  },
  { what: "a command's run", asks: 2, make: (folder) => new CommandRuns(folder).save(host, run) },
  { what: "a record in DNS", asks: 2, make: (folder) => new PublishedRecords(folder).save(record) },
  {
    what: "the end of a record",
    asks: 1,
    make: (folder) => new PublishedRecords(folder).remove(record),
  },
  {
    what: "a file of the authority",
    asks: 2,
    make: (folder) => new AuthorityFiles(folder).write("root.pem", "new"),
  },
  {
    what: "something broken, moved aside",
    asks: 2,
    make: (folder) => new Certificates(folder, new RevokedKeys(folder)).quarantine(host, 1, "test"),
  },
];

for (const { what, asks, make } of changes) {
  test(`${what} is not written by a program that lost its lease, however late it finds out`, async () => {
    for (let nth = 1; nth <= asks; nth += 1) {
      await using opened = await openStorage();
      const { storage, root } = opened;
      await storage.certificates.save(host, certificateFor(host), { issuer: directory });
      await storage.orders.save({ ...order, orderUrl: `${directory}/order/0` });
      await storage.attempts.save({ ...failure, attempts: 9 });
      await storage.accounts.save({ directory, key, url: directory, createdAt: 0 });
      await storage.authority.write("root.pem", "old");
      await storage.renewalInfos.save(host, { serial: "00", ...advice });
      let asked = 0;
      let before: unknown;
      // As if it had been stopped just there, and another program had taken the lease meanwhile.
      const confirmWritable = async () => {
        asked += 1;
        if (asked === nth) {
          await rm(join(root, "lock"));
          await writeFile(join(root, "lock"), "another's");
          before = await visibleIn(root);
        }
        await storage.confirmWritable();
      };
      const { clock, log } = storage;
      await assert.rejects(make({ root, clock, log, confirmWritable }), { code: "STORAGE_LOCKED" });
      assert.equal(asked, nth);
      assert.deepEqual(await visibleIn(root), before);
    }
  });
}

/** All that counts: what is being made is nothing to anybody, nor is an empty folder in quarantine. */
async function visibleIn(root: string) {
  const entries = await entriesOf(root);
  return entries.filter(({ path, kind }) => {
    const isEmptyPlace = path.startsWith("quarantine/") && kind === "folder";
    return !isEmptyPlace && !/(^|\/)\.tmp-/.test(path);
  });
}
