import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, test } from "node:test";
import { CaWorld } from "../support/ca-world.ts";
import { runProgram } from "../support/client-program.ts";
import { grave } from "../support/findings.ts";

/** Where another server has the ports of this program. */
const OTHER = "127.0.0.5";
const HOST = "www.shop.example";

const world = await CaWorld.start();
const { pebble } = world;
const latchkey = await world.start(`
workers: 1
acme: { issuers: [${world.issuer()}], issue: first-visit, resolvers: ["${pebble.nameServer}"] }
hosts:
  ${HOST}: { respond: ok }
`);
const other = createServer((_request, response) => response.writeHead(404).end());
await once(other.listen(latchkey.httpPort, OTHER), "listening");
after(async () => {
  other.close();
  await latchkey[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
});

/** What doctor says of the host and of the machine, but for what is well. */
async function examined() {
  const { stdout } = await runProgram("sh", [
    ...["src/latchkey.sh", "doctor", "--json", HOST, "--config", latchkey.file],
    ...["--http", String(latchkey.httpPort), "--https", String(latchkey.httpsPort)],
  ]);
  const report = JSON.parse(stdout);
  return { machine: grave(report.machine), host: grave(report.hosts[0].findings) };
}

type Command = readonly [command: string, body: object];
const host = `${HOST}.`;
const zone = "shop.example.";
const caa = (tag: string, value: string): Command => [
  "add-caa",
  { host: zone, policies: [{ tag, value }] },
];

const faults: readonly {
  readonly what: string;
  readonly set: readonly Command[];
  readonly clear: readonly Command[];
  readonly findings: readonly string[];
}[] = [
  {
    what: "name servers fail",
    set: [["set-servfail", { host }]],
    clear: [["clear-servfail", { host }]],
    findings: ["problem name.servfail"],
  },
  {
    what: "it has no address",
    set: [["set-default-ipv4", { ip: "" }]],
    clear: [["set-default-ipv4", { ip: "127.0.0.1" }]],
    findings: ["problem name.no-address"],
  },
  {
    what: "its A record leads elsewhere",
    set: [["add-a", { host, addresses: [OTHER] }]],
    clear: [["clear-a", { host }]],
    findings: ["problem address.other-server"],
  },
  {
    what: "one of its A records leads elsewhere",
    set: [["add-a", { host, addresses: ["127.0.0.1", OTHER] }]],
    clear: [["clear-a", { host }]],
    findings: ["problem address.other-server"],
  },
  {
    what: "its AAAA record leads to where nobody listens",
    set: [["add-aaaa", { host, addresses: ["::1"] }]],
    clear: [["clear-aaaa", { host }]],
    findings: ["problem ports.closed"],
  },
  {
    what: "it is an alias of a name elsewhere",
    set: [
      ["set-cname", { host, target: "shared.example." }],
      ["add-a", { host: "shared.example.", addresses: [OTHER] }],
    ],
    clear: [
      ["clear-cname", { host }],
      ["clear-a", { host: "shared.example." }],
    ],
    findings: ["problem address.other-server"],
  },
  {
    what: "CAA of the domain above forbids every CA",
    set: [caa("issue", ";")],
    clear: [["clear-caa", { host: zone }]],
    findings: ["problem caa.forbids"],
  },
  {
    what: "CAA wants something that nobody here answers",
    set: [caa("issue", "pebble.letsencrypt.org; validationmethods=dns-01")],
    clear: [["clear-caa", { host: zone }]],
    findings: ["problem caa.forbids"],
  },
  {
    what: "CAA names this very CA",
    set: [caa("issue", "pebble.letsencrypt.org")],
    clear: [["clear-caa", { host: zone }]],
    findings: [],
  },
  {
    what: "CAA names another CA",
    set: [caa("issue", "other.example")],
    clear: [["clear-caa", { host: zone }]],
    findings: ["problem caa.forbids"],
  },
  {
    what: "CAA is of wildcards alone",
    set: [caa("issuewild", ";")],
    clear: [["clear-caa", { host: zone }]],
    findings: [],
  },
  {
    what: "CAA of the domain above cannot be had",
    set: [["set-servfail", { host: zone }]],
    clear: [["clear-servfail", { host: zone }]],
    findings: ["problem caa.unknown"],
  },
];

test("doctor finds nothing wrong where nothing is", async () => {
  assert.deepEqual(await examined(), { machine: [], host: [] });
});

for (const { what, set, clear, findings } of faults) {
  test(`doctor finds ${findings.length > 0 ? "exactly it" : "nothing"} when ${what}`, async () => {
    for (const [command, body] of set) await pebble.say(command, body);
    try {
      assert.deepEqual((await examined()).host, findings);
    } finally {
      for (const [command, body] of clear) await pebble.say(command, body);
    }
  });
}

test("doctor asked the CA for nothing, and the name is certified once it finds nothing", async () => {
  assert.deepEqual(await examined(), { machine: [], host: [] });
  assert.deepEqual(world.asked, { accounts: 0, orders: 0, issued: 0 });
  const { code } = await runProgram("sh", [
    ...["src/latchkey.sh", "renew", HOST, "--config", latchkey.file],
  ]);
  assert.equal(code, 0);
  assert.deepEqual(await examined(), { machine: [], host: [] });
});
