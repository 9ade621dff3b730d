import assert from "node:assert/strict";
import { test } from "node:test";
import { certIdOf } from "../../src/acme/cert-id.ts";
import { certifyLeaf, certifyRoot } from "../../src/authority/certify.ts";
import { RenewalInfo } from "../../src/authority/renewal-info.ts";
import { makeKey, renumbered } from "../support/certificates.ts";
import { named } from "../support/stored.ts";

test("the internal authority remembers 10,000 certificates, the newest, and advises on no other", () => {
  const info = new RenewalInfo();
  const [key, names] = [makeKey(), [named("a.test")]];
  const life = { notBefore: Date.now(), notAfter: Date.now() + 86_400_000 };
  const first = certifyLeaf(key, names, life, {
    key,
    certificate: certifyRoot(key, ["test"], life),
  });
  info.remember(first, "me", names);
  for (let count = 0; count < 10_000; count += 1)
    info.remember(renumbered(first, count), "me", names);
  assert.equal(info.size, 10_000);
  assert.throws(() => info.advise(certIdOf(first.toString()) ?? ""), { name: "Refusal" });
});
