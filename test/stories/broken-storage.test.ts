import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import {
  copyFile,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "../../src/base/clock.ts";
import { parseHostname } from "../../src/base/hostname.ts";
import { Storage } from "../../src/storage/storage.ts";
import { makeCertificate } from "../support/certificates.ts";
import { temporaryFolder } from "../support/folders.ts";
import { DIRECTORY } from "../support/https-authority.ts";
import { Latchkey } from "../support/latchkey.ts";
import { keptLog } from "../support/stored.ts";
import { alone } from "../support/strain.ts";
import { shakeHands } from "../support/visitor.ts";

const DAY = 86_400_000;
/** It has started by then, whatever it found. */
const START_MS = 3_000;

/** What happens to the second of two certificates, or to the way to it, in the folder of the host. */
interface Damage {
  readonly inflict: (folder: string, other: string) => Promise<unknown>;
  /** Which certificate is served: the damage may be to the pointer alone. */
  readonly serves: "first" | "second" | "a new one";
}

const pointTo = (target: string) => async (folder: string) => {
  await rm(join(folder, "current"));
  await symlink(target, join(folder, "current"));
};

/** Files of the second certificate, and what is written over each of them. */
const pages = {
  nothing: "",
  html: "<!doctype html><title>Bad gateway</title>",
  binary: "\x00\x80\xff\xfe".repeat(50),
  noise: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
} as const;
const written = Object.fromEntries(
  ["chain.pem", "key.pem", "meta.json"].flatMap((file) =>
    Object.entries(pages).map(([what, text]): [string, Damage] => [
      `${what}-in-${file.replace(".", "-")}`,
      { inflict: (at) => writeFile(join(at, "000002", file), text, "latin1"), serves: "first" },
    ]),
  ),
);

const ENCRYPTED = generateKeyPairSync("ec", {
  namedCurve: "P-256",
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "x" },
}).privateKey;
const OTHER_TYPE = generateKeyPairSync("ed25519")
  .privateKey.export({ type: "pkcs8", format: "pem" })
  .toString();

/** Keys that are not the one of the second certificate. */
const keys = Object.fromEntries(
  Object.entries({ encrypted: ENCRYPTED, ed25519: OTHER_TYPE }).map(
    ([what, key]): [string, Damage] => [
      `${what}-key`,
      { inflict: (at) => writeFile(join(at, "000002/key.pem"), key), serves: "first" },
    ],
  ),
);

/** What is changed in meta.json, which says which certificate it is about. */
const metas = Object.fromEntries(
  Object.entries({
    version: 99,
    host: 7,
    serial: "00",
    issuedAt: "yesterday",
    issuer: ["https://ca.example"],
  }).map(([field, value]): [string, Damage] => [
    `meta-with-another-${field.toLowerCase()}`,
    {
      inflict: async (at) => {
        const path = join(at, "000002/meta.json");
        const meta = JSON.parse(await readFile(path, "utf8"));
        await writeFile(path, JSON.stringify({ ...meta, [field]: value }));
      },
      serves: "first",
    },
  ]),
);

/** In the middle of each file. */
const cuts = Object.fromEntries(
  ["chain.pem", "key.pem", "meta.json"].map((file): [string, Damage] => [
    `half-of-${file.replace(".", "-")}`,
    {
      inflict: async (at) => {
        const path = join(at, "000002", file);
        await truncate(path, Math.floor((await stat(path)).size / 2));
      },
      serves: "first",
    },
  ]),
);

/** Each of the files is gone. */
const gone = Object.fromEntries(
  ["chain.pem", "key.pem", "meta.json"].map((file): [string, Damage] => [
    `without-${file.replace(".", "-")}`,
    { inflict: (at) => rm(join(at, "000002", file)), serves: "first" },
  ]),
);

const damages: Readonly<Record<string, Damage>> = {
  ...written,
  ...keys,
  ...metas,
  ...cuts,
  ...gone,
  whole: { inflict: async () => {}, serves: "second" },
  "empty-chain": { inflict: (at) => truncate(join(at, "000002/chain.pem")), serves: "first" },
  "cut-key": { inflict: (at) => truncate(join(at, "000002/key.pem"), 90), serves: "first" },
  "huge-meta": { inflict: (at) => truncate(join(at, "000002/meta.json"), 1e8), serves: "first" },
  "others-key": {
    inflict: (at, other) => copyFile(join(other, "000002/key.pem"), join(at, "000002/key.pem")),
    serves: "first",
  },
  "others-chain": {
    inflict: (at, other) => copyFile(join(other, "000002/chain.pem"), join(at, "000002/chain.pem")),
    serves: "first",
  },
  "others-meta": {
    inflict: (at, other) => copyFile(join(other, "000002/meta.json"), join(at, "000002/meta.json")),
    serves: "first",
  },
  "others-pair": {
    inflict: async (at, other) => {
      for (const file of ["chain.pem", "key.pem"])
        await copyFile(join(other, "000002", file), join(at, "000002", file));
    },
    serves: "first",
  },
  pipe: {
    inflict: async (at) => {
      await rm(join(at, "000002/chain.pem"));
      execFileSync("mkfifo", [join(at, "000002/chain.pem")]);
    },
    serves: "first",
  },
  folder: {
    inflict: async (at) => {
      await rm(join(at, "000002/key.pem"));
      await mkdir(join(at, "000002/key.pem"));
    },
    serves: "first",
  },
  link: {
    inflict: async (at) => {
      await rename(join(at, "000002/key.pem"), join(at, "000002/moved"));
      await symlink("moved", join(at, "000002/key.pem"));
    },
    serves: "first",
  },
  dangling: { inflict: pointTo("000009"), serves: "second" },
  upwards: { inflict: pointTo("../whole.localhost/000001"), serves: "second" },
  absolute: { inflict: pointTo("/etc"), serves: "second" },
  "linked-host": {
    inflict: async (at) => {
      await rename(at, `${at}.moved`);
      await symlink(`${at}.moved`, at);
    },
    serves: "a new one",
  },
};

/** Second certificates that are whole, and whose time is over or has not come. */
const times = {
  expired: { notBefore: Date.now() - 30 * DAY, notAfter: Date.now() - DAY },
  future: { notBefore: Date.now() + DAY, notAfter: Date.now() + 30 * DAY },
} as const;
const count = Object.keys(damages).length + Object.keys(times).length;

test(`S7: of ${count} hosts all but one have broken files, or certificates whose time it is not, which are their own: each serves what is whole, only what has nothing or has expired is ordered, and the start takes no more than ${START_MS / 1_000} s`, async (t) => {
  await using folder = await temporaryFolder();
  const root = join(folder.path, "storage");
  const serials = new Map<string, readonly string[]>();
  {
    await using storage = await Storage.open({ root, clock: systemClock, log: keptLog() });
    await storage.acquire(new AbortController().signal);
    const { certificates } = storage;
    const save = async (name: string, validity = {}) => {
      const host = parseHostname(`${name}.localhost`);
      assert.ok(host !== undefined);
      const saved = makeCertificate({ names: [host], ...validity });
      return (await certificates.save(host, saved, { issuer: DIRECTORY })).credential.serial;
    };
    for (const name of Object.keys(damages))
      serials.set(name, [await save(name), await save(name)]);
    for (const [name, validity] of Object.entries(times))
      serials.set(name, [await save(name), await save(name, validity)]);
    const folderOf = (name: string) => join(certificates.folder, `${name}.localhost`);
    for (const [name, { inflict }] of Object.entries(damages))
      await inflict(folderOf(name), folderOf("whole"));
  }
  const names = [...Object.keys(damages), ...Object.keys(times)];
  const entries = names.map((name) => `  ${name}.localhost: { respond: ok }\n`);
  const config = `workers: 1\nhosts:\n${entries.join("")}`;
  let started: Latchkey | undefined;
  const startMs = await alone(async () => {
    started = await Latchkey.start({ config, storage: root });
  });
  await using latchkey = started ?? assert.fail("it has not started");
  t.diagnostic(`start ${Math.round(startMs)} ms`);
  assert.ok(startMs <= START_MS, `${startMs} ms`);
  const ordered = ["linked-host.localhost", "expired.localhost"];
  for (const name of ordered)
    await latchkey.event("certificate.swapped", ({ host }) => host === name);
  for (const [name, { serves }] of Object.entries(damages)) {
    const seen = await shakeHands(latchkey, `${name}.localhost`, {
      rejectUnauthorized: false,
    });
    const [first, second] = serials.get(name) ?? [];
    if (serves === "a new one") assert.ok("serial" in seen, name);
    else assert.deepEqual(seen, { serial: serves === "first" ? first : second }, name);
  }
  const [, future] = serials.get("future") ?? [];
  const options = { rejectUnauthorized: false };
  assert.deepEqual(await shakeHands(latchkey, "future.localhost", options), { serial: future });
  const { serial } = await latchkey.event(
    "certificate.swapped",
    ({ host }) => host === "expired.localhost",
  );
  assert.deepEqual(await shakeHands(latchkey, "expired.localhost", options), { serial });
  const { hosts } = await latchkey.status();
  assert.ok(
    hosts.every(({ state }) => state === "valid"),
    JSON.stringify(hosts),
  );
  const orders = latchkey.lines.filter(({ event }) => event === "order.started");
  assert.deepEqual(orders.map(({ host }) => host).sort(), ordered.toSorted());
  const broken = Object.values(damages).filter(({ serves }) => serves !== "second").length;
  assert.equal((await readdir(join(root, "quarantine/certificates"))).length, broken);
});
