import assert from "node:assert/strict";
import { test } from "node:test";
import { h2cBackend } from "../support/http2-backend.ts";
import { type Noted, Origin } from "../support/origins.ts";
import { RawClient } from "../support/raw-client.ts";
import { forwardTo, get, post, RelayWorld } from "../support/relay-world.ts";

/** Servers that speak HTTP/2 without TLS, and what each answers to everything. */
const ORIGINS = { nginx: 200, apache2: 204, h2o: 302, haproxy: 200 } as const;
const NAMES = ["nginx", "apache2", "h2o", "haproxy"] as const;
const AT_ONCE = 20;
const BODY = "x".repeat(100_000);

for (const name of NAMES) {
  test(`${name} gets each request over HTTP/2 once, and its answers come back`, async () => {
    await using origin = await Origin.start(name, true);
    await using world = await RelayWorld.start({ action: forwardTo([h2cBackend(origin.port)]) });
    const requests = [
      get(),
      get("X-A: b\r\nCookie: a=1\r\n", "/a?b=c"),
      get().replace("GET", "HEAD"),
      post(`Content-Length: ${BODY.length}\r\n`, BODY),
      post("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"),
      ...Array.from({ length: AT_ONCE }, () => get()),
    ];
    const clients = await Promise.all(
      requests.map(async (request) => {
        const client = await RawClient.connect(world.port);
        client.say(request);
        await client.until(({ statuses }) => statuses.length > 0);
        return client;
      }),
    );
    const statuses = new Set(clients.flatMap((client) => client.statuses));
    assert.deepEqual([...statuses], [ORIGINS[name]]);
    for (const client of clients) client[Symbol.dispose]();
    let seen: readonly Noted[] = [];
    while (seen.length < requests.length) {
      seen = [...(await origin.requests()).values()].flat();
      await new Promise(setImmediate);
    }
    assert.equal(seen.length, requests.length);
    assert.equal(seen.filter(({ method }) => method === "POST").length, 2);
    const others = seen.filter(
      ({ version, host }) => !version.startsWith("HTTP/2") || host !== "shop.example",
    );
    assert.deepEqual(others, []);
    // HAProxy writes the authority before it.
    const targets = seen.map(({ target }) => target.replace("http://shop.example", ""));
    assert.deepEqual(
      targets.filter((target) => target !== "/"),
      ["/a?b=c"],
    );
  });
}
