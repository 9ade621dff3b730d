import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, test } from "node:test";
import type { AcmeRequest } from "../../src/acme/transport.ts";
import { makeAuthority, makeCertificate } from "../support/certificates.ts";
import { endOf, startUnder, sweep } from "../support/faulty-issuance.ts";
import { pathsOf, temporaryFolder } from "../support/folders.ts";
import { Rollover } from "../support/rollover.ts";
import { ScriptedCa, urlOf } from "../support/scripted-ca.ts";

const PROGRAM = join(import.meta.dirname, "rollover-program.ts");
const HOUR_MS = 3_600_000;
const HOST = new URL(urlOf("/")).origin;

const ca = new ScriptedCa();
ca.script("/order", {
  status: 201,
  headers: { location: urlOf("/order/1") },
  body: { status: "pending", authorizations: [], finalize: urlOf("/finalize") },
});
/** What happens around each request; `after` keeps the answer back by returning `true`. */
let hooks: { before?(): boolean; after?(): boolean } = {};

const tls = makeAuthority({ name: "TLS of the CA" });
const { chain, key } = makeCertificate({ names: ["localhost"], issuer: tls });
const server = createServer({ cert: chain, key }, async (incoming, response) => {
  const body = Buffer.concat(await incoming.toArray()).toString();
  if (hooks.before?.()) return;
  const asked: AcmeRequest = {
    method: incoming.method === "POST" ? "POST" : incoming.method === "HEAD" ? "HEAD" : "GET",
    url: `${HOST}${incoming.url}`,
    headers: { "content-type": incoming.headers["content-type"] ?? "" },
    body,
  };
  const answer = await ca.request(asked, AbortSignal.timeout(10_000));
  if (hooks.after?.()) return;
  response.writeHead(answer.status, answer.headers).end(answer.body);
}).listen(0, "127.0.0.1");
await once(server, "listening");
const address = { port: (server.address() as AddressInfo).port, trust: tls.certificate };
const folder = await temporaryFolder();
const trustFile = join(folder.path, "trust.pem");
await writeFile(trustFile, address.trust);
after(async () => {
  server.closeAllConnections();
  await once(server.close(), "close");
  await folder[Symbol.asyncDispose]();
});

/** A storage with an account, in a folder of its own; what is in it, and the program on it. */
async function begin(name: string) {
  const root = join(folder.path, name);
  await using rollover = await Rollover.open(root, address);
  const account = await rollover.order();
  const keys = await keysOf(root);
  const start = (fault?: { readonly call: string; readonly what: string }) =>
    startUnder([process.execPath, PROGRAM, root, String(address.port), trustFile], root, fault);
  return { root, account, before: keys["account.key"] ?? assert.fail("no key"), start };
}

async function keysOf(root: string): Promise<Readonly<Record<string, string>>> {
  const paths = (await pathsOf(root)).filter((path) => /^accounts\/[^/]+\/[a-z]+\.key$/.test(path));
  const read = paths.map(async (path) => [
    path.split("/").at(-1),
    await readFile(join(root, path), "utf8"),
  ]);
  return Object.fromEntries(await Promise.all(read));
}

/** The next program has the account of before with the key that the CA takes, and no other key. */
async function assertRecovers({ root, account }: Awaited<ReturnType<typeof begin>>) {
  await using rollover = await Rollover.open(root, address, HOUR_MS);
  assert.equal(await rollover.order(), account);
  assert.deepEqual(Object.keys(await keysOf(root)), ["account.key"]);
  return (await keysOf(root))["account.key"];
}

for (const moment of ["before", "after"] as const) {
  test(`killed ${moment} the CA hears of any request of a key change, the next program keeps the key that counts`, async (t) => {
    const requests = await sweep([moment], async (lane, nth) => {
      const world = await begin(`${lane}-${nth}`);
      const seen = ca.requests.length;
      const child = world.start();
      let isKilled = false;
      const kill = (count: number) => {
        if (ca.requests.length - seen !== count) return false;
        isKilled = child.kill("SIGKILL");
        return true;
      };
      hooks = moment === "before" ? { before: () => kill(nth - 1) } : { after: () => kill(nth) };
      const outcome = await endOf(child);
      hooks = {};
      assert.equal(outcome, isKilled ? "SIGKILL" : 0);
      const told = ca.requests.slice(seen).includes("POST /key-change");
      const current = await assertRecovers(world);
      assert.equal(
        current !== world.before,
        told,
        told ? "the new key counts" : "the old one does",
      );
      return isKilled;
    });
    t.diagnostic(`killed at ${requests} requests`);
    assert.ok(requests >= 3, `only ${requests} requests`);
  });
}

for (const { call, atLeast } of [
  { call: "?rename,?renameat,?renameat2", atLeast: 5 },
  { call: "?unlink,?unlinkat", atLeast: 1 },
]) {
  test(`killed before any ${call.replace(/^\?(\w+).*/, "$1")} of a key change, the next program has an account and one key`, async (t) => {
    const killed = await sweep(["lane"], async (_lane, nth) => {
      const world = await begin(`${call.slice(1, 5)}-${nth}`);
      const outcome = await endOf(world.start({ call, what: `signal=SIGKILL:when=${nth}` }));
      assert.ok(outcome === 0 || outcome === "SIGKILL", `ended with ${outcome} at call ${nth}`);
      await assertRecovers(world);
      return outcome === "SIGKILL";
    });
    t.diagnostic(`killed at ${killed} calls`);
    assert.ok(killed >= atLeast, `only ${killed} calls`);
  });
}
