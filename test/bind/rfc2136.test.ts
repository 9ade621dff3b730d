import assert from "node:assert/strict";
import { after, test } from "node:test";
import { systemClock } from "../../src/base/clock.ts";
import { createRfc2136, type Rfc2136Options } from "../../src/dns/rfc2136.ts";
import type { TsigAlgorithm } from "../../src/dns/tsig.ts";
import { BIND_KEYS, startBind } from "../support/bind.ts";

const signal = AbortSignal.timeout(60_000);
const bind = await startBind({
  zones: {
    "shop.example": "alias CNAME deep.under.sub.shop.example.\nwww CNAME shop.example.",
    "sub.shop.example": "",
  },
});
after(() => bind[Symbol.asyncDispose]());

function providerOf(key: keyof typeof BIND_KEYS, changes: Partial<Rfc2136Options> = {}) {
  const { algorithm, secret } = BIND_KEYS[key];
  return createRfc2136({
    server: bind.address,
    key: { name: key, algorithm, secret: Buffer.from(secret, "base64") },
    clock: systemClock,
    ttlSeconds: 1,
    timeoutMs: 10_000,
    ...changes,
  });
}

for (const key of ["latchkey", "wide"] as const) {
  const { algorithm } = BIND_KEYS[key];
  test(`BIND takes updates signed by ${algorithm}, and two values live side by side`, async () => {
    const provider = providerOf(key);
    const name = `_acme-challenge.${key}.shop.example`;
    const [one, other] = [
      { name, value: "one" },
      { name, value: "other" },
    ];
    await Promise.all([provider.publish(one, signal), provider.publish(other, signal)]);
    await provider.publish(one, signal);
    assert.deepEqual([...(await bind.txt(name))].sort(), ["one", "other"]);
    await provider.remove(one, signal);
    assert.deepEqual(await bind.txt(name), ["other"]);
    await provider.remove(one, signal);
    await provider.remove(other, signal);
    assert.deepEqual(await bind.txt(name), []);
  });
}

test("the zone is the nearest one that the server has, and an alias of a zone is none", async () => {
  const provider = providerOf("latchkey");
  for (const name of ["_acme-challenge.a.b.sub.shop.example", "_acme-challenge.www.shop.example"]) {
    await provider.publish({ name, value: "here" }, signal);
    assert.deepEqual(await bind.txt(name), ["here"]);
    await provider.remove({ name, value: "here" }, signal);
    assert.deepEqual(await bind.txt(name), []);
  }
});

const latchkey = { name: "latchkey", algorithm: "hmac-sha256" as TsigAlgorithm };
const secret = Buffer.from(BIND_KEYS.latchkey.secret, "base64");
const anHourAgo = { ...systemClock, now: () => Date.now() - 3_600_000 };
const record = { name: "_acme-challenge.shop.example", value: "x" };

const refused: readonly (readonly [string, Parameters<typeof providerOf>, RegExp])[] = [
  [
    "a wrong secret",
    ["latchkey", { key: { ...latchkey, secret: Buffer.from("wrong") } }],
    /NOTAUTH.*BADSIG/,
  ],
  [
    "an unknown key",
    ["latchkey", { key: { ...latchkey, name: "nobody", secret } }],
    /NOTAUTH.*BADKEY/,
  ],
  [
    "another algorithm",
    ["latchkey", { key: { ...latchkey, algorithm: "hmac-sha512", secret } }],
    /NOTAUTH.*BAD(KEY|SIG)/,
  ],
  ["a key that may not", ["guest"], /REFUSED: the key may not change this name$/],
  ["a wrong clock", ["latchkey", { clock: anHourAgo }], /NOTAUTH.*BADTIME/],
];

for (const [what, options, says] of refused) {
  test(`BIND refuses ${what}, and why is said`, async () => {
    const attempt = providerOf(...options).publish(record, signal);
    await assert.rejects(attempt, { code: "DNS_FAILED", message: says });
    assert.deepEqual(await bind.txt(record.name), []);
  });
}

test("a name of none of the server's zones is told", async () => {
  const attempt = providerOf("latchkey").publish({ name: "other.example", value: "x" }, signal);
  await assert.rejects(attempt, { code: "DNS_FAILED", message: /find the zone of other.example/ });
});
