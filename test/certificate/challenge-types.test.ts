import assert from "node:assert/strict";
import { test } from "node:test";
import { challengeTypesFor } from "../../src/certificate/challenge-types.ts";
import { configOf } from "../support/config-text.ts";

const both = { http: [1], https: [1] };
const dns = "dns: { provider: exec, command: dns }";

/** The configuration, where it listens, and what is tried, in order. */
const worlds = [
  ["without dns", "", "", both, "http-01 tls-alpn-01"],
  ["with dns", dns, "", both, "http-01 tls-alpn-01 dns-01"],
  ["with dns, ranked", `challenges: [dns-01, http-01], ${dns}`, "", both, "dns-01 http-01"],
  ["with dns of its own", "", `, ${dns}`, both, "dns-01 http-01 tls-alpn-01"],
  [
    "with dns of its own, ranked",
    `challenges: [http-01, dns-01]`,
    `, ${dns}`,
    both,
    "http-01 dns-01",
  ],
  ["with dns and no listeners", dns, "", { http: [], https: [] }, "dns-01"],
  ["without port 80", dns, "", { http: [], https: [1] }, "tls-alpn-01 dns-01"],
  ["by our own authority", dns, ", issuer: internal", both, "http-01 tls-alpn-01"],
  [
    "by our own authority, which knows no dns-01",
    `challenges: [dns-01], ${dns}`,
    ", issuer: internal",
    both,
    "http-01 tls-alpn-01",
  ],
] as const;

/** An address is proven by a listener (RFC 8738 §7), whatever else is set. */
const addresses = [
  ["as its configuration ranks them", "challenges: [tls-alpn-01, http-01]", "tls-alpn-01 http-01"],
  ["never by the DNS that is set", dns, "http-01 tls-alpn-01"],
  ["by listeners where DNS alone is set", `challenges: [dns-01], ${dns}`, "http-01 tls-alpn-01"],
] as const;

for (const [what, acme, types] of addresses) {
  test(`challenges of an address ${what}: ${types}`, () => {
    const config = configOf(`acme: { keyType: ecdsa-p256, ${acme} }\nhosts: { 203.0.113.7: 3001 }`);
    const [entry] = config.hosts;
    const [issuer] = config.acme.issuers;
    assert.ok(entry && issuer);
    assert.equal(challengeTypesFor(entry, issuer, config.acme, both).join(" "), types);
  });
}

for (const [what, acme, host, listeners, types] of worlds) {
  test(`challenges ${what}: ${types}`, () => {
    const text = `acme: { keyType: ecdsa-p256${acme && `, ${acme}`} }\nauthority: { permit: [a.example] }`;
    const config = configOf(`${text}\nhosts: { a.example: { to: 3001${host} } }`);
    const [entry] = config.hosts;
    assert.ok(entry?.certificate.kind === "acme");
    const [issuer] = entry.certificate.issuers;
    assert.ok(issuer);
    const found = challengeTypesFor(entry, issuer, config.acme, listeners);
    assert.equal(found.join(" "), types);
  });
}
