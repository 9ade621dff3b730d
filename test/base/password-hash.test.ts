import assert from "node:assert/strict";
import { test } from "node:test";
import {
  decoyOf,
  hashPassword,
  isPasswordOf,
  type PasswordHash,
  parsePasswordHash,
} from "../../src/base/password-hash.ts";

/** Made by others: passlib's documentation, the reference implementation of Argon2. */
const FOREIGN = [
  "$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E",
  "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
];

for (const text of FOREIGN) {
  test(`a hash of another program is understood: ${text.slice(0, 30)}`, async () => {
    const hash = parsed(text);
    assert.equal(await isPasswordOf(hash, "password"), true);
    assert.equal(await isPasswordOf(hash, "Password"), false);
  });
}

test("a hash of ours is of its password alone, and no two are alike", async () => {
  const [one, other] = await Promise.all([hashPassword("Zoë 🔑"), hashPassword("Zoë 🔑")]);
  assert.match(one, /^\$scrypt\$ln=15,r=8,p=3\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
  assert.notEqual(one, other);
  assert.equal(await isPasswordOf(parsed(one), "Zoë 🔑".normalize("NFD")), true);
  assert.equal(await isPasswordOf(parsed(one), "Zoe 🔑"), false);
});

const SALT = "AAAAAAAAAAAAAAAAAAAAAA";
const KEY = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/** Text, and what is wrong with it. */
const unusable: readonly (readonly [string, RegExp])[] = [
  ["secret", /^is no hash of a password, wanted what `latchkey hash-password` prints$/],
  ["", /^is no hash/],
  [`$2y$05$${SALT}${KEY}`, /^is a bcrypt hash, which is not supported: scrypt and argon2id are/],
  ["$apr1$abcdefgh$0123456789", /^is a crypt\(3\) hash/],
  ["$6$salt$hash", /^is a crypt\(3\) hash/],
  ["{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", /^is an LDAP hash/],
  [`$argon2i$v=19$m=65536,t=2,p=1$${SALT}$${KEY}`, /^is an argon2i or argon2d hash/],
  [`$argon2id$v=16$m=65536,t=2,p=1$${SALT}$${KEY}`, /^is a hash that is malformed or cut/],
  [`$argon2id$m=65536,t=2,p=1$${SALT}$${KEY}`, /^is a hash that is malformed or cut/],
  [`$scrypt$v=19$ln=15,r=8,p=3$${SALT}$${KEY}`, /^is a hash that is malformed or cut/],
  [`$scrypt$ln=15,r=8,p=3$${SALT}`, /^is a hash that is malformed or cut/],
  [`$scrypt$ln=15,r=8,p=3$${SALT}$${KEY}=`, /^is a hash that is malformed or cut/],
  [`$scrypt$ln=15,r=8,p=3$c2FsdA$${KEY}`, /^is a hash that is malformed or cut/],
  [`$scrypt$ln=15,r=8,p=3$${SALT}$${KEY}\n`, /^is a hash that is malformed or cut/],
  [`$scrypt$ln=15,r=8$${SALT}$${KEY}`, /^is a hash whose parameters/],
  [`$scrypt$ln=15,r=8,p=3,q=1$${SALT}$${KEY}`, /^is a hash whose parameters/],
  [`$scrypt$ln=15,r=0,p=3$${SALT}$${KEY}`, /^is a hash whose parameters/],
  [`$scrypt$ln=99,r=8,p=3$${SALT}$${KEY}`, /^is a hash whose parameters/],
  [`$argon2id$v=19$m=16,t=2,p=4$${SALT}$${KEY}`, /^is a hash whose parameters/],
  [`$scrypt$ln=9,r=8,p=1$${SALT}$${KEY}`, /^is a hash that is too cheap to guess/],
  [`$scrypt$ln=18,r=8,p=1$${SALT}$${KEY}`, /^is a hash that costs too much/],
  [`$scrypt$ln=15,r=8,p=64$${SALT}$${KEY}`, /^is a hash that costs too much/],
  [`$scrypt$ln=10,r=8,p=17$${SALT}$${KEY}`, /^is a hash that costs too much/],
  [`$argon2id$v=19$m=262144,t=1,p=1$${SALT}$${KEY}`, /^is a hash that costs too much/],
  [`$argon2id$v=19$m=65536,t=99,p=1$${SALT}$${KEY}`, /^is a hash that costs too much/],
];

for (const [text, why] of unusable) {
  test(`no hash to use: ${JSON.stringify(text.slice(0, 32))} ${why.source}`, () => {
    const outcome = parsePasswordHash(text);
    assert.equal(outcome.kind, "unusable");
    if (outcome.kind === "unusable") assert.match(outcome.why, why);
  });
}

test("a decoy costs as much as the dearest hash, and no password opens it", async () => {
  const cheap = parsed(`$scrypt$ln=10,r=8,p=1$${SALT}$${KEY}`);
  const dear = parsed(`$scrypt$ln=11,r=8,p=1$${SALT}$${KEY}`);
  for (const hashes of [
    [cheap, dear],
    [dear, cheap],
  ]) {
    const decoy = decoyOf(hashes);
    assert.deepEqual(decoy.cost, dear.cost);
    assert.equal(await isPasswordOf(decoy, ""), false);
  }
});

function parsed(text: string): PasswordHash {
  const hash = parsePasswordHash(text);
  if (hash.kind === "unusable") throw new Error(hash.why);
  return hash;
}
