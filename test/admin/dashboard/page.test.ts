import assert from "node:assert/strict";
import { test } from "node:test";
import { renderPage } from "../../../src/admin/dashboard/page.ts";
import { distanceInWords } from "../../../src/admin/dashboard/times.ts";
import type { Snapshot } from "../../../src/admin/snapshot.ts";
import type { BackendRecord } from "../../../src/base/backend-record.ts";
import {
  DAY_MS,
  daysAway,
  failingRecord,
  hostRecord,
  NOW,
  snapshotOf,
} from "../../support/dashboard.ts";

const pageOf = (snapshot: Snapshot, query = "") =>
  renderPage({ snapshot, machine: "edge1", now: NOW, query });
const titleOf = (page: string) => /<title>(.*?)<\/title>/.exec(page)?.[1]?.split(" · ")[0];
/** The hosts that have a row, in their order. */
const rowsOf = (page: string) => [...page.matchAll(/ id="host-([^"]+)"/g)].map(([, host]) => host);
const serving = snapshotOf().workers;
const trouble = {
  kind: "storage.unwritable",
  host: null,
  severity: "warning",
  message: "Nothing can be written",
  detail: "ENOSPC",
  hint: "make room",
  nextAttemptAt: null,
} as const;

function backend(name: string, state: BackendRecord["state"]): BackendRecord {
  return { host: "a.example", path: "/api/", backend: name, state, why: null, since: daysAway(-1) };
}

/** What there is, and what the title says first. */
const titles: readonly (readonly [Partial<Snapshot>, string])[] = [
  [{}, "All is well"],
  [{ hosts: [] }, "All is well"],
  [{ hosts: [failingRecord("a.example")] }, "1 host failing"],
  [{ hosts: [failingRecord("a.example"), failingRecord("b.example")] }, "2 hosts failing"],
  [{ hosts: [hostRecord("a.example", { state: "refused" })] }, "1 host failing"],
  [{ hosts: [hostRecord("*.a.example", { state: "waiting" })] }, "All is well"],
  [{ hosts: [hostRecord("a.example", { state: "renewing" })] }, "All is well"],
  [{ hosts: [hostRecord("a.example", { state: "issuing" })] }, "Certificates are being ordered"],
  [{ backends: [backend("one", "up"), backend("two", "down")] }, "1 backend down"],
  [{ troubles: [trouble] }, "1 trouble"],
  [{ workers: [] }, "No worker is serving"],
  [{ workers: serving.map((each) => ({ ...each, draining: true })) }, "No worker is serving"],
];

test("the title says first what is wrong, or what is awaited", () => {
  for (const [changes, title] of titles)
    assert.equal(titleOf(pageOf(snapshotOf(changes))), title, JSON.stringify(changes));
});

test("hosts in trouble come first, with the error as it was said, what to do, and when it is tried again", () => {
  const hosts = [
    hostRecord("fine.example"),
    failingRecord("failing.example", { detail: "CAA says no", hint: "add a CAA record" }),
    hostRecord("issuing.example", { state: "issuing" }),
    { ...failingRecord("failed.example"), state: "failed" as const },
  ];
  const page = pageOf(snapshotOf({ hosts }));
  assert.deepEqual(rowsOf(page), [
    "failed.example",
    "failing.example",
    "issuing.example",
    "fine.example",
  ]);
  assert.match(page, /<samp dir="auto">CAA says no<\/samp>\n<p class="hint">add a CAA record<\/p>/);
  assert.match(page, /urn:ietf:params:acme:error:dns/);
  assert.match(page, /attempt in 24 hours <time datetime="2026-11-27T12:00:00Z">/);
  assert.match(page, /in 60 days <time datetime="2027-01-25T12:00:00Z">2027-01-25T12:00:00Z</);
  assert.match(page, /renewal in 30 days <time datetime="2026-12-26T12:00:00Z">/);
  assert.match(page, /<span title="https:\/\/acme-v02[^"]+">letsencrypt<\/span> <code>04a3f1/);
});

test("a state is a sign and a word besides its colour, and another certificate outside is told", () => {
  const page = pageOf(snapshotOf({ hosts: [hostRecord("a.example", { servedSerial: "ff00" })] }));
  assert.match(page, /class="state good"><span aria-hidden="true">✓<\/span> valid</);
  assert.match(page, /served is another: <code>ff00</);
});

/** Words of strangers, and how a page has them. */
const strangers: readonly (readonly [string, string])[] = [
  ["<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"],
  ['"><img src=x onerror=alert(1)>', "&quot;&gt;&lt;img src=x onerror=alert(1)&gt;"],
  ["' onmouseover='alert(1)", "&#39; onmouseover=&#39;alert(1)"],
  ["</style><!--", "&lt;/style&gt;&lt;!--"],
  ["&lt;b&gt;", "&amp;lt;b&amp;gt;"],
  ["a\u0000b\u001b[31mc\u009b", "a\ufffdb\ufffd[31mc\ufffd"],
];

test("no word of a stranger is markup, wherever it stands", () => {
  for (const [said, shown] of strangers) {
    const error = { type: said, detail: said, hint: said, at: said };
    const record = {
      ...failingRecord(said, error),
      ...{ issuer: said, serial: said, servedSerial: `${said}2`, notAfter: said },
      ...{ nextAttemptAt: said, renewAt: said },
    };
    const isDown = { ...backend(said, "down"), host: said, path: said, why: said, since: said };
    const told = { ...trouble, host: said, message: said, detail: `${said}!`, hint: said };
    const page = renderPage({
      snapshot: snapshotOf({
        ...{ version: said, file: said, hosts: [record], backends: [isDown] },
        troubles: [told, { ...told, host: "other.example", nextAttemptAt: said }],
      }),
      machine: said,
      now: NOW,
      query: said,
    });
    assert.ok(page.split(shown).length > 20, shown);
    const bare = pageOf(snapshotOf({ hosts: [], backends: [], troubles: [] }));
    const [, style = ""] = /<style>(.*)<\/style>/s.exec(bare) ?? [];
    assert.ok(page.includes(style));
    assert.ok(!page.includes(said) || shown.includes(said), `${said} stands as it was said`);
  }
});

test("ten thousand hosts are some hundred rows, the failing ones first, with what is left out", () => {
  const hosts = Array.from({ length: 10_000 }, (_, index) =>
    index % 100 === 99
      ? failingRecord(`c${index}.example`, { detail: "x".repeat(5_000) })
      : hostRecord(`c${index}.example`),
  );
  const troubles = hosts.map(({ host }) => ({ ...trouble, host, detail: "y".repeat(5_000) }));
  const snapshot = snapshotOf({ hosts, troubles });
  const startedAt = performance.now();
  const page = pageOf(snapshot);
  assert.ok(performance.now() - startedAt < 2_000);
  assert.equal(titleOf(page), "100 hosts failing");
  assert.ok(page.length < 1_000_000, `${page.length} characters`);
  const rows = rowsOf(page);
  assert.equal(rows.length, 300);
  assert.ok(rows.slice(0, 100).every((host) => host?.endsWith("99.example")));
  assert.match(page, /10,000 hosts; those in trouble come first, and 9,700 more are not shown/);
  assert.match(page, /And 9,980 more\./);
  const found = pageOf(snapshot, "c777");
  assert.equal(rowsOf(found).length, 11);
  assert.match(found, /11 of 10,000 hosts with “c777” in the name/);
  assert.match(pageOf(snapshot, "nobody"), /0 of 10,000 hosts with “nobody”/);
});

test("troubles come before hosts, the whole program's first, and are not told twice", () => {
  const host = "a.example";
  const own = { ...trouble, host, detail: "CODE: no such name" };
  const page = pageOf(
    snapshotOf({ hosts: [failingRecord(host)], troubles: [own, { ...trouble, detail: "EROFS" }] }),
  );
  assert.ok(page.indexOf("EROFS") < page.indexOf('href="#host-a.example"'));
  assert.ok(page.indexOf('href="#host-a.example"') < page.indexOf('<h2 id="hosts">'));
  assert.equal(page.split("no such name").length, 2);
});

test("backends that are down come first, and unchecked ones are nothing to look at", () => {
  const all = [backend("one", "up"), backend("two", "unchecked"), backend("three", "down")];
  const page = pageOf(snapshotOf({ backends: all }));
  assert.ok(page.indexOf(">three<") < page.indexOf(">one<"));
  assert.doesNotMatch(page, />two</);
  assert.match(page, /a\.example\/api\//);
  assert.doesNotMatch(pageOf(snapshotOf({ backends: [backend("two", "unchecked")] })), /Backends/);
});

test("tables have captions and heads, the page its language", () => {
  const page = pageOf(snapshotOf());
  assert.match(page, /^<!doctype html>\n<html lang="en">/);
  assert.equal(page.split("<table").length, page.split("<caption").length);
  assert.match(page, /<th scope="col">Host<\/th>/);
  assert.match(page, /<th scope="row" id="host-store\.shop\.example">/);
});

/** Milliseconds away, in words. */
const distances: readonly (readonly [number, string])[] = [
  [0, "now"],
  [999, "now"],
  [1_000, "in 1 second"],
  [-90_000, "90 seconds ago"],
  [120_000, "in 2 minutes"],
  [7_200_000, "in 2 hours"],
  [1.9 * DAY_MS, "in 45 hours"],
  [-3.5 * DAY_MS, "3 days ago"],
  [Number.NaN, "at an unknown time"],
];

for (const [ms, words] of distances) {
  test(`${ms} ms away is ${words}`, () => assert.equal(distanceInWords(ms), words));
}
