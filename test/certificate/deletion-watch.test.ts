import assert from "node:assert/strict";
import { test } from "node:test";
import type { CertificateName } from "../../src/base/certificate-name.ts";
import { DeletionWatch } from "../../src/certificate/deletion-watch.ts";
import { type Holding, newHolding } from "../../src/certificate/records.ts";
import { limits } from "../../src/config/limits.ts";
import { heldCertificate } from "../support/held-certificate.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { keptLog, named } from "../support/stored.ts";

/** Hosts in use, what storage has a folder of, and what was done. */
function world(names: readonly string[] = ["a.example", "b.example"]) {
  const [clock, log] = [new ManualClock(), keptLog()];
  const hosts = names.map(named);
  const folders = new Set<CertificateName>(hosts);
  const emptied = new Set<CertificateName>();
  const lookedInto: CertificateName[] = [];
  const holdings = hosts.map((host): Holding => {
    const holding = newHolding(host, true);
    const times = { notBefore: clock.now(), notAfter: clock.now() + 9e9, renewAt: 0 };
    const files = { chain: "chain", key: "key" };
    holding.certificate = heldCertificate({ serial: "02", ...times, files });
    return holding;
  });
  const disk = {
    isReadable: true,
    isWritable: true,
    restored: 0,
    reloads: 0,
    hasPredecessor: false,
  };
  const setUnsaved = (holding: Holding, isUnsaved: boolean) => {
    const { certificate } = holding;
    if (certificate === undefined) return;
    holding.certificate = { ...certificate, unsaved: isUnsaved ? certificate.files : undefined };
  };
  const missed: CertificateName[] = [];
  const reload = async (holding: Holding) => {
    disk.reloads += 1;
    const isEmpty = emptied.has(holding.host) && !disk.hasPredecessor;
    setUnsaved(holding, !folders.has(holding.host) || isEmpty);
    if (holding.certificate?.unsaved !== undefined) missed.push(holding.host);
  };
  const watch = new DeletionWatch({
    ...{ clock, log, storage: { root: "/srv/storage" }, holdings: () => holdings },
    list: async () => {
      if (!disk.isReadable) throw new Error("EIO");
      return [...folders];
    },
    hasFiles: async (host) => {
      lookedInto.push(host);
      return !emptied.has(host);
    },
    reload,
    takeMissed: () => missed.splice(0),
    confirmWritable: async () => {
      if (!disk.isWritable) throw new Error("EROFS");
    },
    restoreOthers: async () => {
      disk.restored += 1;
    },
    saveUnsaved: async () => {
      for (const holding of holdings) {
        folders.add(holding.host);
        emptied.delete(holding.host);
        setUnsaved(holding, false);
      }
    },
  });
  return { watch, folders, emptied, lookedInto, holdings, disk, reload, clock, log };
}

test("S12: what was deleted is told of, written back, and told of for a while after", async () => {
  const { watch, folders, disk, clock, log } = world();
  await watch.look();
  assert.deepEqual([watch.troubles(), disk.restored, log.events], [[], 0, []]);
  folders.clear();
  await watch.look();
  assert.equal(log.only("storage.deleted")["hosts"], 2);
  assert.deepEqual([folders.size, disk.restored], [2, 1]);
  const [trouble] = watch.troubles();
  assert.equal(trouble?.kind, "storage.deleted");
  assert.match(
    trouble?.detail ?? "",
    /^2 were gone, that of a\.example among them; .* written back/,
  );
  await watch.look();
  assert.equal(disk.restored, 1);
  clock.jump(limits.deletionToldMs);
  assert.deepEqual(watch.troubles(), []);
});

test("S12: what visitors have found gone, all of it, before a look is told of and written back as well", async () => {
  const { watch, folders, holdings, disk, reload, log } = world();
  folders.clear();
  for (const holding of holdings) await reload(holding);
  await watch.look();
  assert.equal(log.only("storage.deleted")["hosts"], 2);
  assert.deepEqual([folders.size, disk.restored], [2, 1]);
  await watch.look();
  assert.equal(log.only("storage.deleted")["hosts"], 2, "once");
  assert.equal(disk.restored, 1);
});

test("S12: while nothing can be written, what was deleted stays a trouble, and is told of once", async () => {
  const { watch, folders, disk, clock, log } = world();
  folders.delete(named("b.example"));
  disk.isWritable = false;
  await watch.look();
  clock.jump(10 * limits.deletionToldMs);
  await watch.look();
  assert.match(watch.troubles()[0]?.detail ?? "", /^1 were gone, .* live in memory only/);
  assert.equal(log.only("storage.deleted")["host"], "b.example");
  disk.isWritable = true;
  await watch.look();
  assert.deepEqual([watch.troubles(), folders.size], [[], 2]);
});

test("S12: a storage that cannot be read is no storage that was deleted", async () => {
  const { watch, folders, disk, holdings } = world();
  folders.clear();
  disk.isReadable = false;
  await watch.look();
  assert.deepEqual(watch.troubles(), []);
  assert.ok(holdings.every(({ certificate }) => certificate?.unsaved === undefined));
});

test("S12: a host whose order is under way is left to the order", async () => {
  const { watch, folders, holdings } = world();
  folders.clear();
  for (const holding of holdings) holding.isOrdering = true;
  await watch.look();
  assert.deepEqual(watch.troubles(), []);
});

test("S12: what was deleted inside of a host's folder is found too, and written back", async () => {
  const { watch, emptied, disk, log } = world();
  emptied.add(named("b.example"));
  await watch.look();
  assert.equal(log.only("storage.deleted")["host"], "b.example");
  assert.equal(watch.troubles()[0]?.kind, "storage.deleted");
  await watch.look();
  assert.deepEqual([emptied.size, disk.reloads, disk.restored], [0, 1, 1]);
});

test("S12: a folder without its files whose certificate is stored all the same is looked into once", async () => {
  const { watch, emptied, disk } = world();
  disk.hasPredecessor = true;
  emptied.add(named("b.example"));
  for (let look = 1; look <= 3; look += 1) await watch.look();
  assert.deepEqual([disk.reloads, watch.troubles()], [1, []]);
});

test("S12: of thousands of folders each is looked into within three looks, a third at a time", async () => {
  const hosts = Array.from({ length: 4 * limits.deletionFoldersMin }, (_, nth) => `${nth}.example`);
  const { watch, lookedInto } = world(hosts);
  await watch.look();
  assert.equal(lookedInto.length, Math.ceil(hosts.length / 3));
  for (let look = 2; look <= 3; look += 1) await watch.look();
  assert.equal(new Set(lookedInto).size, hosts.length);
});
