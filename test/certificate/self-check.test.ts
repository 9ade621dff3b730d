import assert from "node:assert/strict";
import { test } from "node:test";
import { createAlpnCertificate } from "../../src/acme/alpn-certificate.ts";
import type { Challenge } from "../../src/certificate/challenge.ts";
import { confirmAnswered, lookAtChallenge } from "../../src/certificate/self-check.ts";
import { Resolver } from "../../src/dns/resolver.ts";
import type { Reach } from "../../src/process/messages.ts";
import { makeCertificate } from "../support/certificates.ts";
import { respondHttp, respondTls } from "../support/challenge-responder.ts";
import { deadPort } from "../support/dead-port.ts";
import { type Said, startNameServer } from "../support/name-server.ts";
import { named } from "../support/stored.ts";

const host = named("shop.example");
const keyAuthorization = `${"t".repeat(32)}.${"k".repeat(43)}`;
const http: Challenge = { type: "http-01", host, token: "t".repeat(32), keyAuthorization };
const armed = await createAlpnCertificate(host, keyAuthorization);
const tls: Challenge = { type: "tls-alpn-01", host, ...armed };
const local: Said = { answers: [{ type: "A", name: host, data: "127.0.0.1" }] };
const closed = await deadPort();

async function look(
  challenge: Challenge,
  said: Said | undefined,
  listener: Reach,
  own: readonly string[] = [],
  said6: Said = { answers: [] },
) {
  await using server = await startNameServer((type) => (type === "A" ? said : said6));
  const steps = {
    resolver: new Resolver({ servers: [server.address], timeoutMs: 1_000, tries: 1 }),
    reach: { http: [listener], https: [listener] },
    ownAddresses: () => own,
  };
  return await lookAtChallenge(steps, challenge, new AbortController().signal);
}

const at = (port: number): Reach => ({ host: "127.0.0.1", port });

const answers = [
  { what: "the key authorization", status: 200, body: keyAuthorization, kind: "answered" },
  { what: "it with a line's end", status: 200, body: `${keyAuthorization}\n`, kind: "answered" },
  { what: "a page", status: 200, body: "<html>", kind: "wrong" },
  { what: "404", status: 404, body: "", kind: "wrong" },
  { what: "a page without end", status: 200, body: "x".repeat(100_000), kind: "wrong" },
  { what: "a redirect, which a CA follows", status: 301, body: "", kind: "unknown" },
  { what: "503", status: 503, body: "", kind: "unknown" },
];

for (const { what, status, body, kind } of answers) {
  test(`a look at http-01 that gets ${what} is ${kind}`, async () => {
    const asked: unknown[] = [];
    await using server = await respondHttp((request, response) => {
      asked.push([request.url, request.headers.host]);
      response.writeHead(status).end(body);
    });
    const finding = await look(http, local, server.listener);
    assert.equal(finding.kind, kind);
    assert.deepEqual(asked, [[`/.well-known/acme-challenge/${"t".repeat(32)}`, host]]);
  });
}

test("a look at tls-alpn-01 takes the armed certificate, and no other", async () => {
  await using ours = await respondTls(() => armed);
  assert.equal((await look(tls, local, ours.listener)).kind, "answered");
  const { chain, key } = makeCertificate({ names: [host] });
  await using other = await respondTls(() => ({ chain, key }));
  assert.equal((await look(tls, local, other.listener)).kind, "wrong");
  await using old = await respondTls(() => ({ chain, key }), []);
  assert.equal((await look(tls, local, old.listener)).kind, "wrong");
});

test("a port of this machine that nobody listens on is wrong for either challenge", async () => {
  for (const challenge of [http, tls]) {
    const finding = await look(challenge, local, at(closed));
    assert.deepEqual(
      [finding.kind, "code" in finding && finding.code],
      ["wrong", "CHALLENGE_UNANSWERED"],
    );
  }
});

const names: readonly {
  readonly what: string;
  readonly said: Said | undefined;
  readonly kind: string;
}[] = [
  { what: "does not exist", said: { rcode: "NXDOMAIN" }, kind: "wrong" },
  { what: "has no address", said: { answers: [] }, kind: "wrong" },
  { what: "no server wants to tell of", said: { rcode: "SERVFAIL" }, kind: "unknown" },
  { what: "nobody answers about", said: undefined, kind: "unknown" },
];

for (const { what, said, kind } of names) {
  test(`a name that ${what} is ${kind}`, async () => {
    const finding = await look(http, said, at(closed));
    assert.equal(finding.kind, kind);
    if (finding.kind === "wrong") assert.equal(finding.code, "NAME_NOT_FOUND");
  });
}

test("one wrong address of several is no reason to give up", async () => {
  await using server = await respondHttp((_request, response) => response.end(keyAuthorization));
  const both: Said = {
    answers: [
      { type: "A", name: host, data: "127.0.0.1" },
      { type: "A", name: host, data: "240.0.0.1" }, // RFC 1112 §4: no route leads there
    ],
  };
  assert.equal((await look(http, both, server.listener)).kind, "answered");
  assert.equal((await look(http, both, at(closed))).kind, "unknown");
});

test("what is found at an address elsewhere proves nothing to a machine that is behind NAT", async () => {
  const elsewhere: Said = { answers: [{ type: "A", name: host, data: "240.0.0.1" }] };
  assert.equal((await look(http, elsewhere, at(closed), ["10.0.0.5"])).kind, "unknown");
});

test("what is wrong ends the attempt with our own code, and says which challenge it was", async () => {
  await using server = await startNameServer(() => local);
  const steps = {
    resolver: new Resolver({ servers: [server.address], timeoutMs: 5_000, tries: 1 }),
    reach: { http: [at(closed)], https: [] },
    ownAddresses: () => [],
  };
  await assert.rejects(confirmAnswered(steps, http, new AbortController().signal), (error) => {
    const { code, facts } = Object(error);
    assert.deepEqual([code, facts.challenge], ["CHALLENGE_UNANSWERED", "http-01"]);
    return true;
  });
});

/** RFC 3849: an address of examples, to which no route leads. */
const AAAA: Said = { answers: [{ type: "AAAA", name: host, data: "2001:db8::1" }] };

test("N5: an AAAA record of a machine without IPv6 is told, and no reason to give up what IPv4 answers", async () => {
  await using server = await respondHttp((_request, response) => response.end(keyAuthorization));
  const { listener } = server;
  assert.deepEqual(await look(http, local, listener, ["127.0.0.1", "::1", "fe80::1"], AAAA), {
    kind: "answered",
    astray: ["at 2001:db8::1 is no door of ours: this machine has no IPv6 address"],
  });
  assert.deepEqual(await look(http, local, listener, [], { answers: [] }), {
    kind: "answered",
    astray: [],
  });
  // A machine that is reached by IPv6 may have it behind a router of ours.
  assert.deepEqual(await look(http, local, listener, ["fd00::5"], AAAA), {
    kind: "answered",
    astray: [],
  });
});
