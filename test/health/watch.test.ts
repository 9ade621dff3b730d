import assert from "node:assert/strict";
import { test } from "node:test";
import { systemNames } from "../../src/backend/system-names.ts";
import { look } from "../../src/health/look.ts";
import { judgeLook, UNKNOWN, type Verdict } from "../../src/health/verdict.ts";
import { BackendWatch, type KeptBackends } from "../../src/health/watch.ts";
import type { BackendsNews } from "../../src/process/messages.ts";
import { configOf } from "../support/config-text.ts";
import { deadPort } from "../support/dead-port.ts";
import { Http2Backend, h2cBackend } from "../support/http2-backend.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { answering, OK, Recorder } from "../support/recorder.ts";
import { httpBackend, KeptLog } from "../support/relay-world.ts";

const rows: readonly (readonly [looks: string, verdicts: string])[] = [
  ["++-+", "++++"],
  ["+---", "+++-"],
  ["+--+---", "++++++-"],
  ["-", "-"],
  ["-++", "--+"],
  ["-+-++", "----+"],
];
for (const [looks, verdicts] of rows) {
  test(`after the looks ${looks} (2 in a row bring back, 3 take out) the verdicts are ${verdicts}`, () => {
    let verdict: Verdict = UNKNOWN;
    const seen = [...looks].map((each) => {
      verdict = judgeLook(verdict, each === "+", { healthyAfter: 2, unhealthyAfter: 3 });
      return verdict.isHealthy === true ? "+" : "-";
    });
    assert.equal(seen.join(""), verdicts);
  });
}

const names = systemNames(new KeptLog());
const CHECK = { path: "/up", statuses: [[200, 399]], everyMs: 1_000, timeoutMs: 200 } as const;
const check = { ...CHECK, healthyAfter: 2, unhealthyAfter: 3 };
const answers: readonly (readonly [answer: string, isGood: boolean])[] = [
  [OK, true],
  [OK.replace("200 OK", "302 Found"), true],
  [`HTTP/1.1 103 Early Hints\r\n\r\n${OK}`, true],
  [OK.replace("200 OK", "503 Service Unavailable"), false],
  ["220 smtp.example ESMTP\r\n", false],
  ["", false],
];
for (const [answer, isGood] of answers) {
  test(`a look that gets ${JSON.stringify(answer.slice(0, 20))} is ${isGood ? "good" : "bad"}`, async () => {
    await using backend = await Recorder.start(answering(answer));
    const target = { backend: httpBackend(backend.port), authority: "shop.example", check };
    assert.equal((await look(target, new AbortController().signal, names)).isGood, isGood);
    assert.match(backend.text, /^GET \/up HTTP\/1\.1\r\nHost: shop\.example\r\n/);
  });
}

for (const [status, isGood] of [
  [204, true],
  [503, false],
] as const) {
  test(`a look at an h2c backend that answers ${status} is ${isGood ? "good" : "bad"}`, async () => {
    await using backend = await Http2Backend.start(({ stream }) => {
      stream.respond({ ":status": status }, { endStream: true });
    });
    const target = { backend: h2cBackend(backend.port), authority: "shop.example", check };
    const { isGood: isSeenGood, why } = await look(target, new AbortController().signal, names);
    assert.deepEqual([isSeenGood, why], [isGood, `it answers ${status}`]);
    const { headers } = await backend.request(0);
    assert.deepEqual([headers[":path"], headers[":authority"]], ["/up", "shop.example"]);
  });
}

test("a look at an h2c backend that does not speak HTTP/2 is a bad one", async () => {
  await using backend = await Recorder.start((connection) => connection.say(OK));
  const target = { backend: h2cBackend(backend.port), authority: "shop.example", check };
  const { isGood, why } = await look(target, new AbortController().signal, names);
  assert.deepEqual([isGood, /^no answer within/.test(why)], [false, false]);
});

test("a backend that wants a PROXY header is told that a look is a connection of our own", async () => {
  for (const [proxyProtocol, header] of [
    ["v1", "PROXY UNKNOWN\r\n"],
    ["v2", "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"],
  ] as const) {
    await using recorder = await Recorder.start(answering(OK));
    const backend = { ...httpBackend(recorder.port), proxyProtocol } as const;
    await look({ backend, authority: "shop.example", check }, new AbortController().signal, names);
    assert.ok(recorder.text.startsWith(`${header}GET /up HTTP/1.1\r\n`));
  }
});

test("a look at a backend that is not there is a bad one, and says why", async () => {
  const target = { backend: httpBackend(await deadPort()), authority: "shop.example", check };
  const { isGood, why } = await look(target, new AbortController().signal, names);
  assert.deepEqual([isGood, why], [false, "the connection was refused"]);
});

/** A watch over two backends whose looks come out as the test says. */
function watching(kept?: KeptBackends, more = "") {
  const { hosts } = configOf(
    `hosts: { shop.example: { to: [3001, 3002], health: { every: 10s, unhealthyAfter: 2 }${more} } }`,
  );
  const clock = new ManualClock();
  const [log, news, saved] = [new KeptLog(), [] as BackendsNews[], [] as KeptBackends[]];
  const down = new Set<string>();
  const watch = new BackendWatch({
    hosts,
    look: async ({ backend }) => {
      const port = backend.kind === "unix" ? "" : String(backend.address.port);
      return { isGood: !down.has(port), why: "as told" };
    },
    load: async () => kept,
    save: async (now) => void saved.push(now),
    broadcast: (each) => void news.push(each),
    clock,
    log,
    random: () => 0.5,
  });
  return { watch, clock, log, news, saved, down };
}

test("workers are told when a backend goes down and when it is back, and one that starts is told of all", async () => {
  const { watch, clock, log, news, down } = watching();
  const stopping = new AbortController();
  await watch.open();
  const running = watch.run(stopping.signal);
  await clock.asleep(2);
  assert.equal(watch.list()[1]?.state, "up");
  down.add("3002");
  for (let rounds = 0; rounds < 2; rounds += 1) {
    clock.advance(10_000);
    await clock.asleep(2);
  }
  const backend = "http://127.0.0.1:3002";
  assert.deepEqual(news.at(-1)?.checked, [
    { host: "shop.example", path: "/", backend, isHealthy: false },
  ]);
  assert.equal(watch.list()[1]?.state, "down");
  assert.deepEqual(
    watch.all.checked.map(({ isHealthy }) => isHealthy),
    [true, false],
  );
  down.delete("3002");
  for (let rounds = 0; rounds < 2; rounds += 1) {
    clock.advance(10_000);
    await clock.asleep(2);
  }
  assert.equal(news.at(-1)?.checked[0]?.isHealthy, true);
  const events = log.lines.map(({ event }) => event);
  assert.deepEqual(events, ["backend.unhealthy", "backend.healthy"]);
  stopping.abort();
  await running;
});

test("nothing is kept before there is something to keep: a cookie's secret, or a word of an operator", async () => {
  const [plain, sticky] = [watching(), watching(undefined, ", balance: cookie")];
  await plain.watch.open();
  assert.deepEqual(plain.saved, []);
  await sticky.watch.open();
  assert.deepEqual(
    sticky.saved.map(({ secret }) => secret),
    [sticky.watch.all.cookieSecret],
  );
});

test("draining the last backend of a route is done, and warned of", async () => {
  const { watch } = watching();
  await watch.open();
  const first = await watch.drain("shop.example", "3002", true);
  assert.deepEqual(first, { kind: "done", detail: "3002 gets no new requests" });
  const last = await watch.drain("shop.example", "3001", true);
  const warning = "3001 gets no new requests; warning: / has no backend left, its requests get 503";
  assert.deepEqual(last, { kind: "done", detail: warning });
  const back = await watch.drain("shop.example", "3002", false);
  assert.deepEqual(back, { kind: "done", detail: "3002 gets requests again" });
});

test("a drained backend is told to workers, kept, shown, and comes back by undrain", async () => {
  const { watch, news, saved } = watching();
  await watch.open();
  assert.equal((await watch.drain("shop.example", "3002", true)).kind, "done");
  assert.deepEqual(
    news.at(-1)?.drained.map(({ backend }) => backend),
    ["http://127.0.0.1:3002"],
  );
  assert.equal(watch.list()[1]?.state, "drained");
  const next = watching(saved.at(-1));
  await next.watch.open();
  assert.equal(next.watch.all.drained.length, 1);
  assert.equal(next.watch.all.cookieSecret, watch.all.cookieSecret);
  assert.equal((await next.watch.drain("shop.example", "127.0.0.1:3002", false)).kind, "done");
  assert.deepEqual(next.watch.all.drained, []);
  assert.equal((await watch.drain("shop.example", "3009", true)).kind, "unknown");
  assert.equal((await watch.drain("other.example", "3002", true)).kind, "unknown");
});
