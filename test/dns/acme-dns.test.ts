import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";
import { createAcmeDns } from "../../src/dns/acme-dns.ts";

const never = new AbortController().signal;
const subdomain = "d420c923-bbd7-4056-ab64-c3ca54c9b3cf";
const name = `${subdomain}.auth.example`;
const account = { username: "user", password: "the-password", subdomain };

async function startServer(status: number) {
  const updates: object[] = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const { "x-api-user": user, "x-api-key": password } = request.headers;
    updates.push({ at: `${request.method} ${request.url}`, user, password, ...JSON.parse(body) });
    response.writeHead(status, { "content-type": "application/json" }).end('{"txt":"x"}');
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    updates,
    url: `http://127.0.0.1:${Object(server.address()).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await once(server.close(), "close");
    },
  };
}

for (const [what, password] of [
  ["two lines", "the-password\nand more"],
  ["a control character", "the-password\u0001"],
  ["more than ASCII", "the-password\u2019"],
] as const) {
  test(`credentials of ${what} are a failure that does not show them`, async () => {
    await using server = await startServer(200);
    const options = { server: server.url, account: { ...account, password }, timeoutMs: 5_000 };
    const attempt = createAcmeDns(options).publish({ name, value: "one" }, never);
    await assert.rejects(attempt, (error: Error & { code?: string }) => {
      assert.equal(error.code, "DNS_FAILED");
      assert.match(error.message, /x-api-key/);
      assert.ok(!error.message.includes("the-password"), error.message);
      return true;
    });
  });
}

test("an update is made as the account, and nothing is to be taken away", async () => {
  await using server = await startServer(200);
  const provider = createAcmeDns({ server: server.url, account, timeoutMs: 5_000 });
  await provider.publish({ name, value: "one" }, never);
  await provider.remove({ name, value: "one" }, never);
  const update = { at: "POST /update", user: "user", password: "the-password" };
  assert.deepEqual(server.updates, [{ ...update, subdomain, txt: "one" }]);
});

test("a refusal is told, and the password is not", async () => {
  await using server = await startServer(401);
  const provider = createAcmeDns({ server: server.url, account, timeoutMs: 5_000 });
  await assert.rejects(provider.publish({ name, value: "one" }, never), (error: Error) => {
    assert.match(error.message, /^Cannot add the TXT record .*: http:.* says 401$/);
    return !error.message.includes("the-password");
  });
});

test("a name that leads nowhere is told before anything is changed", async () => {
  await using server = await startServer(200);
  const provider = createAcmeDns({ server: server.url, account, timeoutMs: 5_000 });
  const attempt = provider.publish({ name: "_acme-challenge.shop.example", value: "one" }, never);
  await assert.rejects(attempt, {
    code: "DNS_FAILED",
    message: /no alias \(CNAME\) leads from it/,
  });
  assert.deepEqual(server.updates, []);
});
