import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";
import { CaWorld, settledRow } from "../support/ca-world.ts";
import { pathsOf } from "../support/folders.ts";
import { refusal } from "../support/visit.ts";

const ACME = "urn:ietf:params:acme:error:";

const world = await CaWorld.start({ looksElsewhere: true, blocked: ["blocked.shop.example"] });
after(() => world[Symbol.asyncDispose]());

const refused = [
  {
    why: "the CA does not issue for it",
    host: "blocked.shop.example",
    issuer: world.issuer(),
    waitMinutes: 1_440,
    type: `${ACME}rejectedIdentifier`,
    detail: /policy|blocked|refuse/i,
    hint: /does not issue for this name/,
  },
  {
    why: "the CA does not offer the profile",
    host: "profile.shop.example",
    issuer: world.issuer("profile: nosuch"),
    waitMinutes: 1_440,
    type: "ACME_PROFILE_UNKNOWN",
    detail: /nosuch/,
    hint: /profile/,
  },
  {
    why: "the CA finds nobody who answers the challenge",
    host: "challenge.shop.example",
    issuer: world.issuer(),
    waitMinutes: 1,
    type: `${ACME}connection`,
    detail: /./,
    hint: /ports 80 and 443/,
  },
  {
    why: "nobody said how the CA's own TLS is to be trusted",
    host: "trust.shop.example",
    issuer: `{ directory: "${world.directory}?untrusted" }`,
    waitMinutes: 1,
    type: "ACME_UNREACHABLE",
    detail: /not trusted/,
    hint: /trust/,
  },
];

const latchkey = await world.start(`
workers: 1
acme: { challenges: [http-01] }
hosts:
${refused.map(({ host, issuer }) => `  ${host}: { respond: ok, issuer: ${issuer} }`).join("\n")}
`);
after(() => latchkey[Symbol.asyncDispose]());

for (const { why, host, type, detail, hint, waitMinutes } of refused) {
  test(`a host is shown as failed, with the reason and what to do, when ${why}`, async () => {
    await latchkey.event("certificate.failed", (line) => line["host"] === host);
    const row = await settledRow(latchkey, host);
    assert.equal(row.state, "failed");
    assert.equal(row.attempts, 1);
    assert.equal(row.lastError?.type, type);
    assert.match(row.lastError?.detail ?? "", detail);
    assert.match(row.lastError?.hint ?? "", hint);

    const waitMs = Date.parse(row.nextAttemptAt ?? "") - Date.parse(row.lastError?.at ?? "");
    const wantedMs = waitMinutes * 60_000;
    assert.ok(
      waitMs >= 0.9 * wantedMs && waitMs <= 1.1 * wantedMs,
      `the next attempt is in ${waitMs} ms`,
    );
    const remembered = await readFile(join(latchkey.storage, "attempts", `${host}.json`), "utf8");
    const { attempts, nextAttemptAt, lastError } = JSON.parse(remembered);
    assert.deepEqual([attempts, nextAttemptAt, lastError.type], [1, row.nextAttemptAt, type]);
    const orders = (await pathsOf(join(latchkey.storage, "orders"))).filter(
      (path) => path === host,
    );
    assert.deepEqual(orders, []);

    const { alert, durationMs } = await refusal(world.httpsPort, host);
    assert.equal(alert, 80);
    assert.ok(durationMs < 5_000, `the handshake waited ${durationMs} ms`);
  });
}

test("nothing that was refused is asked of the CA again before its time", () => {
  assert.deepEqual(world.asked, { accounts: 1, orders: 1, issued: 0 });
  assert.equal(latchkey.count("order.started"), refused.length);
});
