import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { test } from "node:test";
import { createCloudflare } from "../../src/dns/cloudflare.ts";

const never = new AbortController().signal;
const record = { name: "_acme-challenge.a.shop.example", value: "one" };

test("a record is added to the nearest zone that the token sees, and taken away by its value", async () => {
  await using api = await startApi(["shop.example", "example"]);
  await api.provider.publish(record, never);
  await api.provider.publish({ ...record, value: "other" }, never);
  assert.deepEqual(api.contents(), [
    'shop.example _acme-challenge.a.shop.example 60 "one"',
    'shop.example _acme-challenge.a.shop.example 60 "other"',
  ]);
  await api.provider.remove(record, never);
  assert.deepEqual(api.contents(), ['shop.example _acme-challenge.a.shop.example 60 "other"']);
});

test("a record that is there already, or gone already, is no failure", async () => {
  await using api = await startApi(["shop.example"]);
  await api.provider.publish(record, never);
  await api.provider.publish(record, never);
  assert.equal(api.contents().length, 1);
  await api.provider.remove(record, never);
  await api.provider.remove(record, never);
  assert.deepEqual(api.contents(), []);
});

/** What the API answers in place of its own answer, and what is said about that. */
const failures: readonly (readonly [
  string,
  { status: number; headers?: Record<string, string>; body: string },
  RegExp,
])[] = [
  [
    "a bad token",
    {
      status: 403,
      body: '{"success":false,"errors":[{"code":10000,"message":"Authentication error"}]}',
    },
    /says 403 Authentication error \(10000\)$/,
  ],
  ["a fault of its own", { status: 500, body: "oops" }, /says 500$/],
  ["a page of HTML", { status: 200, body: "<html>" }, /says 200$/],
  ["success that is none", { status: 200, body: '{"success":false}' }, /says 200$/],
  [
    "a redirect",
    { status: 302, headers: { location: "https://elsewhere.example/" }, body: "" },
    /says 302$/,
  ],
  ["more than anybody reads", { status: 200, body: "x".repeat(2_000_000) }, /larger than 1 MiB/],
];

for (const [what, answer, says] of failures) {
  test(`${what} is told, and the token is not`, async () => {
    await using api = await startApi(["shop.example"], answer);
    for (const attempt of [
      api.provider.publish(record, never),
      api.provider.remove(record, never),
    ]) {
      await assert.rejects(attempt, (error: Error & { code?: string }) => {
        assert.equal(error.code, "DNS_FAILED");
        assert.match(
          error.message,
          /^Cannot (add|remove) the TXT record _acme-challenge\.a\.shop\.example: /,
        );
        assert.match(error.message, says);
        assert.ok(!error.message.includes("the-token"));
        return true;
      });
    }
  });
}

test("a look tells whether the token sees the zone, and changes nothing", async () => {
  await using api = await startApi(["shop.example"]);
  await api.provider.look?.(record.name, never);
  assert.deepEqual(api.contents(), []);
});

test("a zone that the token does not see is told", async () => {
  await using api = await startApi(["other.example"]);
  const failure = { code: "DNS_FAILED", message: /the token sees no zone that _acme-challenge/ };
  await assert.rejects(async () => await api.provider.look?.(record.name, never), failure);
  await assert.rejects(api.provider.publish(record, never), failure);
});

test("an API that is not there, or says nothing, is told within its deadline", async () => {
  const options = { token: "the-token", ttlSeconds: 60, timeoutMs: 100 };
  const gone = createCloudflare({ ...options, endpoint: "http://127.0.0.1:1" });
  await assert.rejects(gone.publish(record, never), {
    code: "DNS_FAILED",
    message: /ECONNREFUSED|bad port/,
  });
  await using api = await startApi(["shop.example"], "silence");
  const silent = createCloudflare({ ...options, endpoint: api.endpoint });
  await assert.rejects(silent.publish(record, never), { code: "DNS_FAILED", message: /timeout/ });
});

/** Cloudflare's API as far as it is used here (developers.cloudflare.com/api), over HTTP. */
async function startApi(zones: readonly string[], instead?: object | "silence") {
  const records = new Map<string, { zone: string; name: string; content: string; ttl: number }>();
  let lastId = 0;
  const server = createServer(async (request, response) => {
    if (instead === "silence") return;
    if (instead !== undefined) {
      const { status, headers, body } = { status: 200, headers: {}, body: "", ...instead };
      return response.writeHead(status, headers).end(body);
    }
    assert.equal(request.headers.authorization, "Bearer the-token");
    const say = (status: number, answer: object) =>
      response
        .writeHead(status, { "content-type": "application/json" })
        .end(JSON.stringify(answer));
    const url = new URL(request.url ?? "", "http://api");
    const [, , resource, zone, , id] = url.pathname.split("/");
    assert.equal(resource, "zones");
    if (zone === undefined) {
      const name = url.searchParams.get("name") ?? "";
      return say(200, {
        success: true,
        errors: [],
        result: zones.includes(name) ? [{ id: `id-${name}`, name }] : [],
      });
    }
    const zoneName = zone.slice("id-".length);
    switch (request.method) {
      case "GET": {
        assert.equal(url.searchParams.get("type"), "TXT");
        const found = [...records].filter(
          ([, one]) => one.zone === zoneName && one.name === url.searchParams.get("name"),
        );
        return say(200, {
          success: true,
          errors: [],
          result: found.map(([key, one]) => ({ id: key, ...one })),
        });
      }
      case "POST": {
        const { type, name, content, ttl } = await bodyOf(request);
        assert.equal(type, "TXT");
        if ([...records.values()].some((one) => one.name === name && one.content === content))
          return say(400, {
            success: false,
            errors: [{ code: 81_058, message: "An identical record already exists." }],
          });
        lastId += 1;
        records.set(`record-${lastId}`, { zone: zoneName, name, content, ttl });
        return say(200, { success: true, errors: [], result: { id: `record-${lastId}` } });
      }
      case "DELETE":
        return records.delete(id ?? "")
          ? say(200, { success: true, errors: [], result: { id } })
          : say(404, {
              success: false,
              errors: [{ code: 81_044, message: "Record does not exist." }],
            });
      default:
        return say(405, {});
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const endpoint = `http://127.0.0.1:${Object(server.address()).port}/v4/`;
  return {
    endpoint,
    provider: createCloudflare({ token: "the-token", endpoint, ttlSeconds: 60, timeoutMs: 5_000 }),
    contents: () =>
      [...records.values()].map(
        ({ zone, name, ttl, content }) => `${zone} ${name} ${ttl} ${content}`,
      ),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await once(server.close(), "close");
    },
  };
}

async function bodyOf(request: IncomingMessage) {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString());
}
