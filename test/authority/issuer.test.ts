import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { createKey } from "../../src/acme/keys.ts";
import { certifyIntermediate, certifyLeaf } from "../../src/authority/certify.ts";
import { IssuerKeeper } from "../../src/authority/issuer.ts";
import { suffixesWith } from "../../src/authority/suffixes.ts";
import { systemClock } from "../../src/base/clock.ts";
import { parsePlain } from "../../src/base/hostname.ts";
import { Storage } from "../../src/storage/storage.ts";
import { DAY_MS, KeptLog, MemoryStore, openWorld } from "../support/authority-world.ts";
import { makeAuthority, makeCertificate } from "../support/certificates.ts";
import { entriesOf, temporaryFolder } from "../support/folders.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { without } from "../support/programs.ts";

const FILES = ["intermediate.key", "intermediate.pem", "root.key", "root.pem"];
const HOUR_MS = 3_600_000;

test("a first start makes root and intermediate, a second one keeps them", async () => {
  const first = await openWorld();
  assert.deepEqual([...first.store.files.keys()].sort(), FILES);
  assert.deepEqual(first.log.events(), ["authority.root-made", "authority.intermediate-made"]);
  const before = new Map(first.store.files);

  const second = await openWorld({ store: first.store });
  assert.deepEqual(first.store.files, before);
  assert.deepEqual(second.log.events(), []);
  assert.equal(second.authority.rootPem, first.authority.rootPem);
});

test("the root lives ten years and is bound to the suffixes", async () => {
  const { authority, clock } = await openWorld({ permit: ["shop.example"] });
  const root = new X509Certificate(authority.rootPem);
  assert.equal(root.ca, true);
  assert.ok(root.verify(root.publicKey));
  assert.ok(root.validToDate.getTime() > clock.now() + 3_650 * DAY_MS);
  assert.ok(root.validFromDate.getTime() < clock.now());
});

test("openssl shows the constraint of the root as critical", {
  skip: without("openssl"),
}, async () => {
  const { authority } = await openWorld({ permit: ["shop.example"] });
  const args = ["x509", "-noout", "-ext", "nameConstraints,basicConstraints,keyUsage"];
  const shown = execFileSync("openssl", args, { input: authority.rootPem, encoding: "utf8" });
  assert.match(shown, /Name Constraints: critical\s+Permitted:/);
  const permitted = [...shown.matchAll(/DNS:(\S+)/g)].map(([, name]) => name);
  assert.deepEqual(permitted, ["home.arpa", "internal", "localhost", "shop.example", "test"]);
  assert.match(shown, /Excluded:\s+IP:0\.0\.0\.0\/0\.0\.0\.0/);
  assert.match(shown, /Basic Constraints: critical\s+CA:TRUE/);
  assert.match(shown, /Key Usage: critical\s+Certificate Sign, CRL Sign/);
});

test("openssl refuses a name outside the suffixes, even if the keys were stolen to certify it", {
  skip: without("openssl"),
}, async () => {
  await using folder = await temporaryFolder();
  const clock = new ManualClock(Date.now());
  const suffixes = suffixesWith([]);
  const ground = { store: new MemoryStore(), clock, log: new KeptLog(), lifetimeMs: DAY_MS };
  const { root } = (await IssuerKeeper.open({ ...ground, suffixes })).current;
  const validity = { notBefore: clock.now() - HOUR_MS, notAfter: clock.now() + DAY_MS };
  // The thief makes an intermediate of his own that permits everything he wants.
  const key = createPrivateKey(await createKey("ecdsa-p256"));
  const certificate = certifyIntermediate(key, ["test", "example"], validity, root);
  const leafFor = (name: string) =>
    certifyLeaf(key, [parsePlain(name)!], validity, { certificate, key }).toString();
  const pems = {
    root: root.certificate.toString(),
    middle: certificate.toString(),
    good: leafFor("shop.test"),
    bad: leafFor("shop.example"),
  };
  for (const [name, pem] of Object.entries(pems)) writeFileSync(join(folder.path, name), pem);
  const verify = (leaf: string) => {
    const args = ["verify", "-x509_strict", "-no-CApath", "-no-CAfile", "-CAfile", "root"];
    const options = { cwd: folder.path, encoding: "utf8", stdio: "pipe" } as const;
    return execFileSync("openssl", [...args, "-untrusted", "middle", leaf], options);
  };
  assert.match(verify("good"), /good: OK/);
  assert.throws(() => verify("bad"), /permitted subtree violation/);
});

test("another permit makes a new root, and the old one is kept aside", async () => {
  const first = await openWorld();
  const oldPem = first.store.text("root.pem");
  const oldKey = first.store.text("root.key");
  const { store, authority, log } = await openWorld({ store: first.store, permit: ["lan"] });

  assert.notEqual(authority.rootPem, oldPem);
  const kept = [...store.files.keys()].filter((name) => name.startsWith("root-")).sort();
  assert.deepEqual(
    kept.map((name) => store.text(name)),
    [oldKey, oldPem],
  );
  for (const name of kept) assert.match(name, /^root-[0-9a-f]{16}\.(?:key|pem)$/);
  const root = new X509Certificate(store.text("root.pem"));
  const intermediate = new X509Certificate(store.text("intermediate.pem"));
  assert.ok(intermediate.checkIssued(root) && intermediate.verify(root.publicKey));
  assert.ok(log.events().includes("authority.root-replaced"));
  assert.equal(log.lines.find(({ event }) => event === "authority.root-replaced")?.level, "warn");
});

test("a permit that means the same keeps the root", async () => {
  const first = await openWorld({ permit: ["lan", "shop.example"] });
  const permit = ["Shop.Example.", "www.shop.example", "lan", "lan", "deep.internal"];
  const second = await openWorld({ store: first.store, permit });
  assert.equal(second.authority.rootPem, first.authority.rootPem);
  assert.deepEqual(second.log.events(), []);
});

const foreign = makeAuthority();
const foreignKey = foreign.key.export({ type: "pkcs8", format: "pem" });
/** What may have happened to the files, and which CA has to be made anew. */
const damages = [
  { what: "root.pem is empty", file: "root.pem", content: "", replaced: "root" },
  { what: "root.pem is cut off", file: "root.pem", cut: 200, replaced: "root" },
  { what: "root.pem is gone", file: "root.pem", content: undefined, replaced: "root" },
  { what: "root.pem is binary", file: "root.pem", content: "\0\u0001\xff", replaced: "root" },
  {
    what: "root.pem is another CA's",
    file: "root.pem",
    content: foreign.certificate,
    replaced: "root",
  },
  { what: "root.key is empty", file: "root.key", content: "", replaced: "root" },
  { what: "root.key is cut off", file: "root.key", cut: 60, replaced: "root" },
  { what: "root.key is gone", file: "root.key", content: undefined, replaced: "root" },
  { what: "root.key is another one", file: "root.key", content: foreignKey, replaced: "root" },
  {
    what: "intermediate.pem is cut off",
    file: "intermediate.pem",
    cut: 90,
    replaced: "intermediate",
  },
  {
    what: "intermediate.pem is gone",
    file: "intermediate.pem",
    content: undefined,
    replaced: "intermediate",
  },
  {
    what: "intermediate.key is another one",
    file: "intermediate.key",
    content: foreignKey,
    replaced: "intermediate",
  },
  {
    what: "intermediate.key is gone",
    file: "intermediate.key",
    content: undefined,
    replaced: "intermediate",
  },
];

for (const { what, file, replaced, ...damage } of damages) {
  test(`when ${what}, the ${replaced} is made anew and nothing is lost`, async () => {
    const { store, authority } = await openWorld();
    const whole = store.files.get(file) ?? Buffer.alloc(0);
    if (damage.cut !== undefined) store.files.set(file, whole.subarray(0, damage.cut));
    else if (damage.content === undefined) store.files.delete(file);
    else store.files.set(file, Buffer.from(damage.content));
    const before = new Map(store.files);

    const after = await openWorld({ store });
    const warning = after.log.lines.find(({ event }) => event === `authority.${replaced}-replaced`);
    assert.equal(warning?.level, "warn");
    assert.equal(warning?.facts["code"], "STORAGE_CORRUPT");
    assert.equal(after.authority.rootPem === authority.rootPem, replaced === "intermediate");
    const contents = new Set(
      [...store.files.values()].map((content) => content.toString("latin1")),
    );
    for (const [name, content] of before) {
      if (name.startsWith(replaced)) assert.ok(contents.has(content.toString("latin1")), name);
    }
    // And the new pair is good: a third start changes nothing.
    const third = await openWorld({ store });
    assert.deepEqual(third.log.events(), []);
  });
}

test("a pair that belongs together but is no CA of ours is not used", async () => {
  const rsaKey = createPrivateKey(await createKey("rsa-2048"));
  const pairs = [
    makeCertificate({ names: ["root.test"], key: rsaKey }),
    makeCertificate({ names: ["root.test"] }),
    { chain: foreign.certificate, key: foreignKey },
  ];
  for (const { chain, key } of pairs) {
    const { store } = await openWorld();
    store.files.set("root.pem", Buffer.from(chain));
    store.files.set("root.key", Buffer.from(key));
    const { log, authority } = await openWorld({ store });
    assert.ok(log.events().includes("authority.root-replaced"));
    assert.notEqual(authority.rootPem, chain);
  }
});

test("a store that cannot be read stops the start, and no root is made in its place", async () => {
  const { store } = await openWorld();
  const before = new Map(store.files);
  const broken = new MemoryStore();
  broken.read = () => Promise.reject(new Error("EIO"));
  await assert.rejects(openWorld({ store: broken }), { message: "EIO" });
  assert.equal(broken.files.size, 0);
  assert.deepEqual(store.files, before);
});

for (const failing of ["root.key", "root.pem", "intermediate.key", "intermediate.pem"]) {
  test(`a start that dies before ${failing} is written is made good by the next one`, async () => {
    const store = new MemoryStore();
    store.beforeWrite = (name) => {
      if (name === failing) throw new Error("ENOSPC");
    };
    await assert.rejects(openWorld({ store }), { message: "ENOSPC" });
    store.beforeWrite = () => {};
    await openWorld({ store });
    assert.deepEqual((await openWorld({ store })).log.events(), []);
  });
}

test("the intermediate is replaced with a third of its life left, the root stays", async () => {
  const first = await openWorld();
  const { store, clock } = first;
  const before = store.text("intermediate.pem");
  clock.advance(240 * DAY_MS);
  await openWorld({ store, clock });
  assert.equal(store.text("intermediate.pem"), before);
  clock.advance(10 * DAY_MS);
  const later = await openWorld({ store, clock });
  assert.notEqual(store.text("intermediate.pem"), before);
  assert.equal(later.authority.rootPem, first.authority.rootPem);
  assert.deepEqual(later.log.events(), ["authority.intermediate-made"]);
});

test("an intermediate that cannot be replaced is used until it ends", async () => {
  const { store, clock } = await openWorld();
  store.beforeWrite = () => {
    throw new Error("ENOSPC");
  };
  clock.advance(300 * DAY_MS);
  const { log } = await openWorld({ store, clock });
  assert.deepEqual(log.events(), ["authority.replacement-failed"]);
  clock.advance(100 * DAY_MS);
  await assert.rejects(openWorld({ store, clock }), { message: "ENOSPC" });
});

test("a running keeper replaces the intermediate when its time has come, once for all callers", async () => {
  const clock = new ManualClock(Date.now());
  const ground = { store: new MemoryStore(), clock, log: new KeptLog(), lifetimeMs: DAY_MS };
  const keeper = await IssuerKeeper.open({ ...ground, suffixes: suffixesWith([]) });
  const { intermediate } = keeper.current;
  assert.equal((await keeper.fresh()).intermediate, intermediate);
  clock.advance(300 * DAY_MS);
  const all = await Promise.all([keeper.fresh(), keeper.fresh(), keeper.fresh()]);
  assert.notEqual(all[0].intermediate, intermediate);
  assert.equal(new Set(all.map((one) => one.intermediate)).size, 1);
});

test("a root about to end is replaced with a warning", async () => {
  const { store, clock, authority } = await openWorld();
  clock.advance(9 * 365.25 * DAY_MS);
  const later = await openWorld({ store, clock });
  assert.notEqual(later.authority.rootPem, authority.rootPem);
  assert.ok(later.log.events().includes("authority.root-replaced"));
});

test("a clock that is behind the root's beginning changes nothing", async () => {
  const { store, clock, authority } = await openWorld();
  clock.jump(-20 * 365 * DAY_MS);
  const early = await openWorld({ store, clock });
  assert.equal(early.authority.rootPem, authority.rootPem);
});

test("lives longer than the intermediate's usual one get a longer intermediate", async () => {
  const { store } = await openWorld({ lifetimeMs: 400 * DAY_MS });
  const { validFromDate, validToDate } = new X509Certificate(store.text("intermediate.pem"));
  assert.equal(validToDate.getTime() - validFromDate.getTime(), 1_200 * DAY_MS);
});

test("a longer life of the leaves replaces an intermediate that would end before them, once", async () => {
  const { store, clock } = await openWorld();
  const before = store.text("intermediate.pem");
  clock.advance(100 * DAY_MS);
  await openWorld({ store, clock, lifetimeMs: 300 * DAY_MS });
  const after = store.text("intermediate.pem");
  assert.notEqual(after, before);
  await openWorld({ store, clock, lifetimeMs: 300 * DAY_MS });
  assert.equal(store.text("intermediate.pem"), after);
});

test("a life beyond the root's is cut to it, and no intermediate is made in vain", async () => {
  const { store, clock } = await openWorld({ lifetimeMs: 4_000 * DAY_MS });
  const root = new X509Certificate(store.text("root.pem"));
  const before = store.text("intermediate.pem");
  assert.equal(new X509Certificate(before).validTo, root.validTo);
  clock.advance(2_000 * DAY_MS);
  await openWorld({ store, clock, lifetimeMs: 4_000 * DAY_MS });
  assert.equal(store.text("intermediate.pem"), before);
});

test("the files lie in the program's storage for its owner alone", async () => {
  await using folder = await temporaryFolder();
  const log = new KeptLog();
  const storage = await Storage.open({ root: folder.path, clock: systemClock, log });
  await storage.acquire(AbortSignal.timeout(5_000));
  const ground = { store: storage.authority, clock: systemClock, log, lifetimeMs: DAY_MS };
  const first = await IssuerKeeper.open({ ...ground, suffixes: suffixesWith([]) });
  const second = await IssuerKeeper.open({ ...ground, suffixes: suffixesWith([]) });
  await storage.close();
  assert.equal(
    second.current.root.certificate.serialNumber,
    first.current.root.certificate.serialNumber,
  );
  const files = (await entriesOf(join(folder.path, "authority"))).filter(
    ({ kind }) => kind === "file",
  );
  assert.deepEqual(
    files.map(({ path, mode }) => `${path} ${mode.toString(8)}`),
    FILES.map((name) => `${name} 600`),
  );
});
