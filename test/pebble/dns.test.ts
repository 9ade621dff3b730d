import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { Resolver } from "../../src/dns/resolver.ts";
import { CaWorld, settledRow } from "../support/ca-world.ts";
import { temporaryFolder } from "../support/folders.ts";
import { browse } from "../support/visit.ts";

const world = await CaWorld.start();
const { pebble } = world;
const root = await pebble.roots();
const folder = mkdtempSync(join(tmpdir(), "latchkey-dns-"));
after(async () => {
  await world[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});
const never = new AbortController().signal;

/** A provider for Pebble's name server, written as anybody would write one: a script, and its token. */
const provider = join(folder, "dns");
const calls = join(folder, "calls");
writeFileSync(
  provider,
  `#!/bin/sh
set -eu
echo "$1 $2 $TOKEN" >>${calls}
case "$1" in
present) curl -sf -d "{\\"host\\": \\"$2\\", \\"value\\": \\"$3\\"}" "$API/set-txt" ;;
cleanup) curl -sf -d "{\\"host\\": \\"$2\\"}" "$API/clear-txt" ;;
esac
`,
  { mode: 0o755 },
);

function acme(more: string): string {
  return `acme: { issuers: [${world.issuer()}], resolvers: ["${pebble.nameServer}"], ${more} }`;
}

const exec = `dns: { provider: exec, command: ${provider}, environment: { API: "${pebble.dnsApi}", TOKEN: env:DNS_TOKEN } }`;

async function txt(name: string): Promise<readonly string[]> {
  const servers = [pebble.nameServer];
  const found = await new Resolver({ servers, timeoutMs: 5_000, tries: 2 }).txt(name, never);
  return found.kind === "found" ? found.records : [];
}

test("a program of the operator's proves a wildcard, seen through the resolvers of the configuration", async () => {
  await using latchkey = await world.start(
    `${acme(exec)}\nhosts: { "*.shop.example": { respond: ok } }`,
    { env: { DNS_TOKEN: "the-token" } },
  );
  assert.equal((await settledRow(latchkey, "*.shop.example")).state, "valid");
  assert.equal((await browse(world.httpsPort, "a.shop.example", root)).body, "ok");
  const name = "_acme-challenge.shop.example.";
  assert.equal(
    readFileSync(calls, "utf8"),
    `present ${name} the-token\ncleanup ${name} the-token\n`,
  );
  assert.deepEqual(await txt(name), []);
  assert.ok(!JSON.stringify(latchkey.lines).includes("the-token"));
});

test("dns-persist-01 is used for a host and for a wildcard whose records stand, and only then", async () => {
  await using storage = await temporaryFolder();
  const start = (hosts: string) =>
    world.start(`${acme(`challenges: [http-01], ${exec}`)}\nhosts: ${hosts}`, {
      storage: join(storage.path, "storage"),
      env: { DNS_TOKEN: "the-token" },
    });
  const proofs = new Map<unknown, unknown>();
  let account: unknown;
  {
    await using latchkey = await start("{ a.persist.example: { respond: ok } }");
    account = (await latchkey.event("account.created"))["account"];
    await settledRow(latchkey, "a.persist.example");
    for (const { event, host, challenge } of latchkey.lines)
      if (event === "challenge.valid") proofs.set(host, challenge);
  }
  // Pebble's own name; a record for hosts alone, one for wildcards too, and one of another account.
  const records = [
    ["b.persist.example", `pebble.letsencrypt.org; accounturi=${account}`],
    ["c.persist.example", `pebble.letsencrypt.org; accounturi=${account}; policy=wildcard`],
    ["d.persist.example", `pebble.letsencrypt.org; accounturi=${account}0`],
  ] as const;
  for (const [host, value] of records)
    await pebble.say("set-txt", { host: `_validation-persist.${host}.`, value });
  {
    await using latchkey = await start(
      `{ b.persist.example: { respond: ok }, "*.c.persist.example": { respond: ok }, d.persist.example: { respond: ok } }`,
    );
    for (const host of ["b.persist.example", "*.c.persist.example", "d.persist.example"])
      assert.equal((await settledRow(latchkey, host)).state, "valid", host);
    for (const { event, host, challenge } of latchkey.lines)
      if (event === "challenge.valid") proofs.set(host, challenge);
  }
  assert.deepEqual(Object.fromEntries(proofs), {
    "a.persist.example": "http-01",
    "b.persist.example": "dns-persist-01",
    "*.c.persist.example": "dns-persist-01",
    "d.persist.example": "http-01",
  });
});
