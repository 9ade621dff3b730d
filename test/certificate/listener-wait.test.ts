import assert from "node:assert/strict";
import { test } from "node:test";
import { waitForListener } from "../../src/certificate/listener-wait.ts";
import { limits } from "../../src/config/limits.ts";
import { configOf } from "../support/config-text.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { named } from "../support/stored.ts";

const unbound = [{ address: ":80", why: "Cannot listen on :80: another program listens there" }];
const dns = "dns: [{ provider: exec, command: [/bin/true] }]";
const door = { host: "127.0.0.1", port: 1 };

const rows = [
  {
    waits: true,
    config: "challenges: [http-01]",
    unbound,
    http: [],
    why: "nothing else is wanted",
  },
  {
    waits: false,
    config: "challenges: [http-01]",
    unbound: [],
    http: [],
    why: "no port is missing",
  },
  {
    waits: false,
    config: "challenges: [http-01]",
    unbound,
    http: [door],
    why: "another one is there",
  },
  { waits: false, config: "challenges: [http-01, tls-alpn-01]", unbound, http: [], why: "of 443" },
  { waits: false, config: `challenges: [http-01], ${dns}`, unbound, http: [], why: "of DNS" },
];

for (const row of rows) {
  test(`N3: without port 80 an order ${row.waits ? "waits" : "goes on"} because ${row.why} (${row.config})`, () => {
    const config = configOf(
      `email: a@b.example\nacme: { ${row.config} }\nhosts: { a.example: 3001 }`,
    );
    const clock = new ManualClock();
    const steps = {
      ...{ config, clock, unbound: row.unbound, reach: { https: [door], http: row.http } },
      findHost: () => config.hosts[0],
      directoryOf: () => "here",
    };
    const wait = waitForListener(steps, { host: named("a.example") }, "here");
    assert.equal(wait?.code, row.waits ? "LISTEN_FAILED" : undefined);
    if (!row.waits) return;
    assert.equal(wait?.until, clock.now() + limits.unreachableMinMs);
    assert.match(wait?.detail ?? "", /a\.example: Cannot listen on :80/);
  });
}
