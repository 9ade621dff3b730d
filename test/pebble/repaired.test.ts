import assert from "node:assert/strict";
import { after, test } from "node:test";
import { limits } from "../../src/config/limits.ts";
import { CaWorld, settledRow } from "../support/ca-world.ts";
import { runProgram } from "../support/client-program.ts";

const world = await CaWorld.start();
after(() => world[Symbol.asyncDispose]());
const { pebble } = world;

/** What name servers say while it is broken, and when it is repaired, and how that shows. */
const repairs: readonly {
  readonly what: string;
  readonly host: string;
  readonly acme: string;
  readonly broken: readonly [command: string, body: object];
  readonly repaired: readonly [command: string, body: object];
  readonly type: RegExp;
}[] = [
  {
    what: "it had no address",
    host: "a.shop.example",
    acme: "",
    broken: ["set-default-ipv4", { ip: "" }],
    repaired: ["set-default-ipv4", { ip: "127.0.0.1" }],
    type: /^NAME_NOT_FOUND$/,
  },
  {
    what: "its alias for proofs led in circles",
    host: "*.shop.example",
    acme: "dns: { provider: exec, command: /bin/true }",
    broken: [
      "set-cname",
      { host: "_acme-challenge.shop.example.", target: "_acme-challenge.shop.example." },
    ],
    repaired: ["clear-cname", { host: "_acme-challenge.shop.example." }],
    type: /^DNS_FAILED$/,
  },
];

for (const { what, host, acme, broken, repaired, type } of repairs) {
  test(`a host that failed since ${what} is tried again as soon as a reload finds that repaired`, async () => {
    await pebble.say(...broken);
    await using latchkey = await world.start(
      `acme: { issuers: [${world.issuer()}], resolvers: ["${pebble.nameServer}"], ${acme} }
hosts: { "${host}": { respond: ok } }`,
    );
    const row = await settledRow(latchkey, host);
    assert.equal(row.state, "failed");
    assert.match(row.lastError?.type ?? "", type);
    const run = async (...args: readonly string[]) =>
      (await runProgram("sh", ["src/latchkey.sh", ...args, "--config", latchkey.file])).code;
    // A start goes on with an order that failed only a few times.
    for (let retry = 0; retry < limits.resumedAtOnceMax; retry += 1)
      assert.equal(await run("retry", host), 1);
    await pebble.say(...repaired);
    assert.equal(await run("reload"), 0);
    await latchkey.event("preflight.cleared", (line) => line.host === host);
  });
}
