import assert from "node:assert/strict";
import { test } from "node:test";
import { Challenges } from "../../src/connection/challenges.ts";
import type { ArmedChallenge } from "../../src/process/certificate-news.ts";
import { hostname } from "../support/tls-door.ts";

const a = hostname("a.example");
const b = hostname("b.example");
const http = (id: number, host = a, token = "token"): ArmedChallenge => ({
  id,
  type: "http-01",
  host,
  token,
  keyAuthorization: `${token}.${id}`,
});
const tlsAlpn = (id: number, host = a): ArmedChallenge => ({
  id,
  type: "tls-alpn-01",
  host,
  chain: `chain ${id}`,
  key: "key",
});

test("challenges answer exactly the armed token of exactly its host", () => {
  const challenges = new Challenges();
  challenges.arm(http(1));
  assert.equal(challenges.keyAuthorization(a, "token"), "token.1");
  assert.equal(challenges.keyAuthorization(b, "token"), undefined);
  assert.equal(challenges.keyAuthorization(a, "toke"), undefined);
  assert.equal(challenges.keyAuthorization(a, "TOKEN"), undefined);
  assert.equal(challenges.keyAuthorization(a, ""), undefined);
  assert.equal(challenges.tlsAlpn(a), undefined);
});

test("challenges answer until they are disarmed", () => {
  const challenges = new Challenges();
  challenges.arm(http(1));
  challenges.arm(tlsAlpn(2));
  assert.equal(challenges.tlsAlpn(a)?.chain, "chain 2");
  challenges.disarm(2);
  challenges.disarm(2);
  challenges.disarm(99);
  assert.equal(challenges.tlsAlpn(a), undefined);
  assert.equal(challenges.keyAuthorization(a, "token"), "token.1");
});

test("of two challenges for the same name the later one answers, whichever is disarmed first", () => {
  const challenges = new Challenges();
  challenges.arm(tlsAlpn(1));
  challenges.arm(tlsAlpn(2));
  challenges.disarm(1);
  assert.equal(challenges.tlsAlpn(a)?.chain, "chain 2");
});

test("challenges armed twice, as after a worker's start, answer once", () => {
  const challenges = new Challenges();
  challenges.arm(http(1));
  challenges.arm(http(1));
  challenges.disarm(1);
  assert.equal(challenges.keyAuthorization(a, "token"), undefined);
});

test("challenges are bounded: the oldest goes", () => {
  const challenges = new Challenges(2);
  for (const id of [1, 2, 3]) challenges.arm(http(id, a, `token${id}`));
  assert.equal(challenges.keyAuthorization(a, "token1"), undefined);
  assert.equal(challenges.keyAuthorization(a, "token3"), "token3.3");
});
