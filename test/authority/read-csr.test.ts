import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { createCsr } from "../../src/acme/csr.ts";
import {
  bitString,
  contextConstructed,
  contextPrimitive,
  type Der,
  embedded,
  integer,
  nothing,
  oid,
  sequence,
  set,
  toDer,
  utf8String,
} from "../../src/acme/der.ts";
import { extension, subjectAltName } from "../../src/acme/extension.ts";
import { createKey } from "../../src/acme/keys.ts";
import { publicKeyInfo, signed } from "../../src/acme/signed.ts";
import { readCsr } from "../../src/authority/read-csr.ts";
import { Refusal } from "../../src/authority/refusal.ts";
import { temporaryFolder } from "../support/folders.ts";
import { without } from "../support/programs.ts";

const key = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
const pemOf = (one: KeyObject) => one.export({ type: "pkcs8", format: "pem" }).toString();

/** A CSR made by hand: subject, extension lists, key and signer as wanted. */
function makeCsr(parts: {
  readonly commonNames?: readonly string[];
  readonly lists?: readonly Der[];
  readonly publicKey?: Der;
  readonly signer?: KeyObject;
}): Buffer {
  const { commonNames = [], lists = [], signer = key } = parts;
  const names = commonNames.map((name) => set(sequence(oid("2.5.4.3"), utf8String(name))));
  const request = sequence(oid("1.2.840.113549.1.9.14"), set(...lists));
  const content = sequence(
    integer(Buffer.of(0)),
    sequence(...names),
    parts.publicKey ?? publicKeyInfo(key),
    contextConstructed(0, ...(lists.length > 0 ? [request] : [])),
  );
  return toDer(signed(content, signer));
}

for (const type of ["ecdsa-p256", "ecdsa-p384", "rsa-2048"] as const) {
  test(`a CSR of the program's own with a key of type ${type} is read`, async () => {
    const { names, publicKey } = readCsr(createCsr(["a.test", "b.test"], await createKey(type)));
    assert.deepEqual([...names], ["a.test", "b.test"]);
    assert.equal(publicKey.type, "public");
  });
}

test("a CSR of openssl is read, names in capitals and a common name included", {
  skip: without("openssl"),
}, async () => {
  await using folder = await temporaryFolder();
  const keyFile = join(folder.path, "key.pem");
  writeFileSync(keyFile, pemOf(key));
  const args = ["req", "-new", "-key", keyFile, "-subj", "/O=Shop/CN=A.test", "-outform", "DER"];
  const options = [
    "-addext",
    "subjectAltName=DNS:a.test,DNS:B.test",
    "-addext",
    "keyUsage=digitalSignature",
  ];
  const csr = execFileSync("openssl", [...args, ...options]);
  assert.deepEqual([...readCsr(csr).names], ["a.test", "b.test"]);
});

test("a name that stands in the common name alone counts", () => {
  assert.deepEqual([...readCsr(makeCsr({ commonNames: ["a.test"] })).names], ["a.test"]);
});

const good = createCsr(["a.test"], pemOf(key));
const other = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
const spki = (one: KeyObject) => embedded(one.export({ type: "spki", format: "der" }));
const p521 = generateKeyPairSync("ec", { namedCurve: "P-521" }).publicKey;
const k256 = generateKeyPairSync("ec", { namedCurve: "secp256k1" }).publicKey;
const ed25519 = generateKeyPairSync("ed25519").publicKey;
const weak = generateKeyPairSync("rsa", { modulusLength: 1_024 }).privateKey;
const cube = generateKeyPairSync("rsa", { modulusLength: 2_048, publicExponent: 3 }).privateKey;
const names = sequence(subjectAltName(["a.test"]));
const address = extension(
  "2.5.29.17",
  false,
  sequence(contextPrimitive(7, Buffer.of(127, 0, 0, 0, 1))),
);
const mail = extension("2.5.29.17", false, sequence(contextPrimitive(1, Buffer.from("a@a.test"))));

/** Signed with SHA-1, which nobody should. */
function sha1Csr(): Buffer {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2_048 });
  const content = sequence(integer(Buffer.of(0)), sequence(), publicKeyInfo(privateKey));
  const algorithm = sequence(oid("1.2.840.113549.1.1.5"), nothing());
  const signature = sign("sha1", toDer(content), createPrivateKey(pemOf(privateKey)));
  return toDer(sequence(content, algorithm, bitString(signature)));
}

/** A length in the long form where the short one would do: BER, not DER. */
function berCsr(): Buffer {
  const version = good.indexOf(Buffer.from("020100", "hex"));
  const longer = Buffer.concat([
    good.subarray(0, version),
    Buffer.from("02810100", "hex"),
    good.subarray(version + 3),
  ]);
  // The two sequences around it grow by one byte.
  longer.writeUInt8(longer.readUInt8(2) + 1, 2);
  longer.writeUInt8(longer.readUInt8(5) + 1, 5);
  return longer;
}

/** Requests that must not be certified. */
const refused: readonly { what: string; csr: Buffer }[] = [
  { what: "no bytes", csr: Buffer.alloc(0) },
  { what: "random bytes", csr: Buffer.from("30030201", "hex") },
  { what: "bytes after the end", csr: Buffer.concat([good, Buffer.of(0)]) },
  { what: "its end cut off", csr: good.subarray(0, -1) },
  { what: "an empty sequence", csr: Buffer.from("3000", "hex") },
  { what: "sequences of nothing", csr: Buffer.from("30063000300003 00".replace(" ", ""), "hex") },
  { what: "the signature of another key", csr: makeCsr({ lists: [names], signer: other }) },
  { what: "a public key that is none", csr: makeCsr({ lists: [names], publicKey: sequence() }) },
  { what: "a key on P-521", csr: makeCsr({ lists: [names], publicKey: spki(p521) }) },
  { what: "a key on secp256k1", csr: makeCsr({ lists: [names], publicKey: spki(k256) }) },
  { what: "an Ed25519 key", csr: makeCsr({ lists: [names], publicKey: spki(ed25519) }) },
  { what: "an RSA key of 1,024 bits", csr: createCsr(["a.test"], pemOf(weak)) },
  { what: "an RSA key with exponent 3", csr: createCsr(["a.test"], pemOf(cube)) },
  { what: "a SHA-1 signature", csr: sha1Csr() },
  { what: "BER that is not DER", csr: berCsr() },
  {
    what: "the names twice",
    csr: makeCsr({ lists: [sequence(subjectAltName(["a.test"]), subjectAltName(["b.test"]))] }),
  },
  { what: "the names in two requests", csr: makeCsr({ lists: [names, names] }) },
  { what: "an address of five octets", csr: makeCsr({ lists: [sequence(address)] }) },
  { what: "a mail address among the names", csr: makeCsr({ lists: [sequence(mail)] }) },
  {
    what: "an extension without value",
    csr: makeCsr({ lists: [sequence(sequence(oid("2.5.29.17")))] }),
  },
];

for (const { what, csr } of refused) {
  test(`a CSR with ${what} is refused as badCSR`, () => {
    assert.throws(
      () => readCsr(csr),
      (thrown: unknown) => {
        assert.ok(thrown instanceof Refusal, String(thrown));
        assert.equal(thrown.problem.type, "urn:ietf:params:acme:error:badCSR");
        return true;
      },
    );
  });
}

test("a CSR with any bytes changed is read or refused, and never anything else", () => {
  const change = fc.tuple(fc.nat(good.length - 1), fc.nat(255));
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
      const csr = Buffer.from(good);
      for (const [at, value] of changes) csr.writeUInt8(value, at);
      try {
        const { names, publicKey } = readCsr(csr);
        // What it asks for is signed: a changed byte that passes stands outside of that.
        assert.deepEqual([...names], ["a.test"]);
        assert.ok(publicKey.equals(createPublicKey(key)));
      } catch (thrown) {
        assert.ok(thrown instanceof Refusal, String(thrown));
      }
    }),
    { numRuns: 3_000, seed: 8_555 },
  );
});
