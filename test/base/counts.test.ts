import assert from "node:assert/strict";
import { test } from "node:test";
import {
  BACKEND_FAILURES,
  CLASSES,
  Counts,
  DURATION_BOUNDS,
  HANDSHAKES,
  METHODS,
  PLACES,
  PROTOCOLS,
  REFUSALS,
  STATUSES,
  TOTALS,
} from "../../src/base/counts.ts";

/** What has been counted, as `words of its labels: number`. */
function told(counts: Counts): Record<string, number> {
  const { totals, hosts } = counts.take();
  const words = wordsOfTotals();
  assert.equal(totals.length, TOTALS);
  assert.equal(words.length, TOTALS);
  const all = words.map((word, at): [string, number] => [word, totals[at] ?? 0]);
  const ofHosts = hosts.flatMap(({ host, answers }) =>
    answers.map((count, at): [string, number] => [`${host} ${CLASSES[at]}`, count]),
  );
  return Object.fromEntries([...all, ...ofHosts].filter(([, count]) => count !== 0));
}

function wordsOfTotals(): string[] {
  const words: string[] = [];
  const put = (place: number, each: readonly string[]) => {
    for (const [at, word] of each.entries()) words[place + at] = word;
  };
  const requests = PROTOCOLS.flatMap((protocol) =>
    METHODS.flatMap((method) => STATUSES.map((status) => `${protocol} ${method} ${status}`)),
  );
  put(PLACES.requests, requests);
  put(PLACES.durations, [...DURATION_BOUNDS.map((bound) => `at most ${bound}`), "longer"]);
  put(PLACES.durationSum, ["seconds"]);
  put(PLACES.bodyBytes, ["bytes in", "bytes out"]);
  put(PLACES.accepted, ["accepted"]);
  put(PLACES.handshakes, HANDSHAKES);
  put(PLACES.refusals, REFUSALS);
  put(PLACES.backendFailures, BACKEND_FAILURES);
  put(PLACES.retries, ["retries"]);
  return words;
}

const requests = [
  ["GET", 200, "GET 200", "2xx"],
  ["HEAD", 304, "HEAD 304", "3xx"],
  ["PROPFIND", 207, "other 207", "2xx"],
  ["get", 599, "other other", "5xx"],
  [undefined, 400, "none 400", "4xx"],
  ["", 431, "none 431", "4xx"],
  ["GET", 101, "GET 101", "1xx"],
  ["POST", 0, "POST none", "none"],
  ["POST", 299, "POST other", "2xx"],
  ["POST", 999, "POST other", "5xx"],
] as const;

for (const [method, status, word, kind] of requests) {
  test(`a request by ${method} that ends with ${status} counts as ${word}, and ${kind} of its host`, () => {
    const counts = new Counts(["a.example", "b.example"]);
    const own = counts.of("h2", "b.example");
    own.began();
    assert.equal(counts.take().requestsUnderWay, 1);
    own.ended(method, status, 20, 3, 4);
    assert.equal(counts.take().requestsUnderWay, 0);
    assert.deepEqual(told(counts), {
      [`h2 ${word}`]: 1,
      "at most 0.025": 1,
      seconds: 0.02,
      ...{ "bytes in": 3, "bytes out": 4 },
      [`b.example ${kind}`]: 1,
    });
  });
}

test("hosts without a place of their own are counted together", () => {
  const counts = new Counts(["a.example"]);
  for (const host of ["a.example", "b.example", "*"]) {
    const requests = counts.of("http/1.1", host);
    requests.began();
    requests.ended("GET", 200, 0, 0, 0);
  }
  assert.deepEqual(
    counts.take().hosts.map(({ host, answers }) => [host, answers[CLASSES.indexOf("2xx")]]),
    [
      ["a.example", 1],
      ["_other", 2],
    ],
  );
});

test("a duration is in the first bucket that it fits into, and in the last one when it fits into none", () => {
  const counts = new Counts([]);
  const requests = counts.of("h2", "a.example");
  for (const ms of [0, 1, 1.001, 60_000, 60_001]) {
    requests.began();
    requests.ended("GET", 200, ms, 0, 0);
  }
  const { "at most 0.001": first, "at most 0.005": second, "at most 60": last } = told(counts);
  assert.deepEqual([first, second, last, told(counts)["longer"]], [2, 1, 1, 1]);
});

test("what happens at the door, in handshakes, at backends and on port 80 is counted", () => {
  const counts = new Counts([]);
  for (const open of [true, true, false])
    if (open) counts.connectionOpened();
    else counts.connectionClosed();
  assert.equal(counts.take().connectionsOpen, 1);
  counts.refused("HOST_UNKNOWN");
  for (const code of [undefined, "HOST_MOVED", "constructor"]) counts.refused(code);
  counts.shaken("full");
  counts.shaken("resumed");
  counts.backendFailed("timeout");
  counts.retried();
  counts.answeredPlain("GET", 308);
  assert.deepEqual(told(counts), {
    accepted: 2,
    ...{ HOST_UNKNOWN: 1, OTHER: 3, full: 1, resumed: 1, timeout: 1, retries: 1 },
    "http GET 308": 1,
  });
});
