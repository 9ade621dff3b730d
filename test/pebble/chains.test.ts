import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";
import { certificatesIn } from "../../src/base/credential.ts";
import { CaWorld } from "../support/ca-world.ts";
import { handshake } from "../support/visit.ts";

const HOST = "a.shop.example";

const world = await CaWorld.start({ alternateRoots: 2 });
after(() => world[Symbol.asyncDispose]());
const roots = await Promise.all([0, 1, 2].map((index) => world.pebble.roots(index)));

for (const index of [0, 2]) {
  test(`of three chains on offer the one to root ${index} is served when it is preferred`, async () => {
    const root = new X509Certificate(roots[index] ?? "");
    const preferred = root.subject.replace(/^CN=/, "");
    await using latchkey = await world.start(`workers: 1
acme: { issuers: [${world.issuer(`preferredChain: "${preferred}"`)}] }
hosts: { ${HOST}: { respond: ok } }`);
    await latchkey.event("certificate.swapped");
    const file = join(latchkey.storage, "certificates", HOST, "current/chain.pem");
    const chain = certificatesIn(await readFile(file, "utf8"));
    assert.ok(new X509Certificate(chain.at(-1) ?? "").verify(root.publicKey));
    await handshake(world.httpsPort, HOST, roots[index] ?? "");
    assert.ok(!latchkey.lines.some(({ event }) => event === "certificate.other-chain"));
  });
}

test("a chain that is preferred and not on offer costs one line of the log, and not the certificate", async () => {
  await using latchkey = await world.start(`workers: 1
acme: { issuers: [${world.issuer("preferredChain: ISRG Root X1")}] }
hosts: { ${HOST}: { respond: ok } }`);
  await latchkey.event("certificate.swapped");
  await handshake(world.httpsPort, HOST, roots[0] ?? "");
  const told = latchkey.lines.filter(({ event }) => event === "certificate.other-chain");
  assert.equal(told.length, 1);
  assert.equal(told[0]?.["preferred"], "ISRG Root X1");
  assert.equal(String(told[0]?.["offered"]).match(/Pebble Root CA/g)?.length, 3);
});
