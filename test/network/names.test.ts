import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import { Worker } from "node:worker_threads";
import { createHttpsTransport } from "../../src/acme/transport.ts";
import { Latchkey } from "../support/latchkey.ts";
import { type Said, startNameServer } from "../support/name-server.ts";
import { closeServer } from "../support/tls-door.ts";
import { browse } from "../support/visit.ts";
import type { AskedNames } from "./ask-names.ts";

const NAME = "app.example";
const MANY = "many.example";
/** Of a worker, idle machine; threefold is allowed. */
const LOOP_DELAY_MAX_MS = 20;
const SLACK = 3;
const KEPT_MS = 2_000;

/** 127.0.0.1 to 127.0.2.1. */
const many: Said = {
  answers: Array.from({ length: 512 }, (_, nth) => ({
    ...({ type: "A", name: MANY, ttl: 1 } as const),
    data: `127.0.${(nth + 1) >> 8}.${(nth + 1) & 255}`,
  })),
};
const good: Said = { answers: [{ type: "A", name: NAME, ttl: 1, data: "127.0.0.1" }] };
const nothing: Said = { answers: [] };

let said: Said | undefined = good;
const nameServer = await startNameServer(
  (type, name) => {
    const ofName = name === MANY ? many : said;
    if (![NAME, MANY].includes(name)) return { rcode: "NXDOMAIN" };
    return type === "A" || ofName === undefined || "rcode" in ofName ? ofName : nothing;
  },
  { host: "127.0.0.1", port: 53, tcp: true },
);
after(() => nameServer[Symbol.asyncDispose]());

test(`N1: asking for a name of 512 addresses, and connecting, delays the event loop no more than ${LOOP_DELAY_MAX_MS} ms (p99)`, async (t) => {
  const count = 300;
  const thread = new Worker(new URL("./ask-names.ts", import.meta.url), {
    workerData: { name: MANY, count },
  });
  const [{ asked, p99Ms, maxMs }] = (await once(thread, "message")) as [AskedNames];
  t.diagnostic(`p99 ${p99Ms.toFixed(1)} ms, longest ${maxMs.toFixed(1)} ms`);
  assert.equal(asked, count);
  assert.ok(p99Ms <= LOOP_DELAY_MAX_MS * SLACK, `${p99Ms} ms`);
});

test("N1: of a CA whose name has 512 addresses that refuse, an attempt asks four at most", async () => {
  const transport = createHttpsTransport({
    userAgent: "test",
    ...{ connectTimeoutMs: 5_000, headersTimeoutMs: 5_000, totalTimeoutMs: 5_000 },
    answerMaxBytes: 1_000,
  });
  const url = `https://${MANY}:1/directory`;
  const request = { method: "GET", url, headers: {}, body: undefined } as const;
  const asked = transport.request(request, new AbortController().signal);
  const error: unknown = await asked.catch((cause) => cause);
  assert.ok(error instanceof Error && error.cause instanceof AggregateError, `${error}`);
  const { errors } = error.cause;
  assert.ok(errors.length > 1 && errors.length <= 4, `${errors.length} connections`);
  assert.match(error.message, /refused/);
});

/** What the name server says, or does not say, while it has no address. */
const moods: readonly (readonly [what: string, said: Said | undefined])[] = [
  ["SERVFAIL", { rcode: "SERVFAIL" }],
  ["NXDOMAIN", { rcode: "NXDOMAIN" }],
  ["nothing", undefined],
];

test(`N1: a backend's last good address serves for a while when its name server says ${moods.map(([what]) => what).join(", ")}; then it is 502, until there is an address again`, async (t) => {
  const site = createServer((_, response) => response.end("served"));
  await once(site.listen(0, "0.0.0.0"), "listening");
  after(() => closeServer(site));
  const { port } = site.address() as AddressInfo;
  const limits = `{ nameKeptMs: ${KEPT_MS / 1_000}s, backendPoolMax: 0, backendDownMs: 100ms }`;
  const hosts = `{ shop.localhost: { to: "http://${NAME}:${port}" }, many.localhost: { to: "http://${MANY}:${port}" } }`;
  const text = `workers: 1\nlimits: ${limits}\nhosts: ${hosts}\n`; // each worker remembers what it asked for itself
  await using latchkey = await Latchkey.start({ config: text });
  const root = readFileSync(latchkey.root, "utf8");
  /** Asked for until it is this; until then it is the other one. */
  const until = async (host: string, wanted: 200 | 502) => {
    let status: number;
    do {
      ({ status } = await browse(latchkey.httpsPort, host, root));
      assert.ok([200, 502].includes(status), `${status}`);
    } while (status !== wanted);
  };
  for (const host of ["shop.localhost", "many.localhost"]) await until(host, 200);
  for (const [what, mood] of moods) {
    said = mood;
    const startedAt = performance.now();
    await until("shop.localhost", 502);
    const keptMs = performance.now() - startedAt;
    t.diagnostic(`${what}: 502 after ${Math.round(keptMs)} ms`);
    assert.ok(keptMs >= KEPT_MS, `${what}: ${keptMs} ms`);
    await until("many.localhost", 200);
    said = good;
    await until("shop.localhost", 200);
  }
});
