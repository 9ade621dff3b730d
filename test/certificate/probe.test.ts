import assert from "node:assert/strict";
import { test } from "node:test";
import { parseHostname } from "../../src/base/hostname.ts";
import type { Challenge } from "../../src/certificate/challenge.ts";
import { Probes } from "../../src/certificate/probe.ts";
import { newHolding } from "../../src/certificate/records.ts";
import { limits } from "../../src/config/limits.ts";

const host = parseHostname("shop.example")!;

function probesOf(isOrdering: boolean) {
  const armed: Challenge[] = [];
  const arm = async (challenge: Challenge) => {
    armed.push(challenge);
    return () => void armed.splice(armed.indexOf(challenge), 1);
  };
  const holding = newHolding(host, true);
  holding.isOrdering = isOrdering;
  return { armed, probes: new Probes({ arm }, { get: () => holding }) };
}

test("a probe is answered on both ports, and another one every time", async () => {
  const { armed, probes } = probesOf(false);
  const [one, other] = [await probes.arm(host), await probes.arm(host)];
  assert.deepEqual(
    armed.map(({ type }) => type),
    ["http-01", "tls-alpn-01", "http-01", "tls-alpn-01"],
  );
  const [http] = armed;
  assert.ok(http?.type === "http-01");
  assert.deepEqual([http.token, http.keyAuthorization], [one?.token, one?.words]);
  assert.notEqual(one?.token, other?.token);
  assert.notEqual(one?.words, other?.words);
  assert.match(one?.chain ?? "", /BEGIN CERTIFICATE/);
});

test("a probe does not stand in for the challenge of an order that is under way", async () => {
  const { armed, probes } = probesOf(true);
  const probe = await probes.arm(host);
  assert.equal(probe?.chain, undefined);
  assert.deepEqual(
    armed.map(({ type }) => type),
    ["http-01"],
  );
});

test("probes end by themselves, and only so many live at once", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { armed, probes } = probesOf(true);
  for (let index = 0; index < limits.probesMax; index += 1) assert.ok(await probes.arm(host));
  assert.equal(await probes.arm(host), undefined);
  assert.equal(armed.length, limits.probesMax);
  t.mock.timers.tick(limits.probeLifeMs);
  assert.equal(armed.length, 0);
  assert.ok(await probes.arm(host));
});
