import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { channelsOf } from "../../src/alert/channels.ts";
import type { Notice } from "../../src/alert/notice.ts";
import type { Alerts } from "../../src/config/config.ts";
import { changeLimits, limits } from "../../src/config/limits.ts";
import { KeptLog } from "../support/authority-world.ts";
import { makeAuthority, makeCertificate } from "../support/certificates.ts";
import { temporaryFolder } from "../support/folders.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { Webhook } from "../support/webhook.ts";

const notice: Notice = {
  event: "renewal.failing",
  state: "begun",
  key: "renewal.failing a.example",
  host: "a.example",
  severity: "warning",
  message: "The renewal of a.example fails",
  detail: "caa: CAA forbids",
  hint: "Change the CAA record",
  nextAttemptAt: "2026-11-23T07:00:00.000Z",
  since: "2026-11-23T06:00:00.000Z",
  at: "2026-11-23T06:00:00.000Z",
};

class World {
  readonly clock = new ManualClock();
  readonly log = new KeptLog();

  /** By the one channel that is configured. */
  deliver(alerts: Partial<Alerts>, signal = new AbortController().signal): Promise<boolean> {
    const all = { webhook: undefined, exec: undefined, expiresWithin: 0.25, ...alerts };
    const { clock, log } = this;
    const [channel, ...others] = channelsOf({ alerts: all, machine: "edge1", clock, log });
    assert.deepEqual(others, []);
    return channel?.deliver(notice, signal) ?? assert.fail("nobody is told");
  }

  failures(): string[] {
    return this.log.lines
      .filter(({ event }) => event === "alert.failed")
      .map(({ facts }) => String(facts?.["message"]));
  }
}

test("a webhook gets one POST of JSON, with a text that chats show", async () => {
  await using webhook = await Webhook.open();
  assert.equal(await new World().deliver({ webhook: webhook.url }), true);
  const [request, ...others] = webhook.requests;
  assert.deepEqual(others, []);
  assert.equal(request?.method, "POST");
  assert.equal(request?.headers["content-type"], "application/json");
  const lines = [
    "Trouble at edge1: The renewal of a.example fails",
    "caa: CAA forbids",
    "→ Change the CAA record",
    "Next attempt: 2026-11-23T07:00:00.000Z",
  ];
  assert.deepEqual(webhook.received, [{ ...notice, machine: "edge1", text: lines.join("\n") }]);
});

test("a webhook that is down for a moment is tried again after growing waits, as often as there are waits", async () => {
  await using webhook = await Webhook.open();
  webhook.statuses = [500, 503, 429, 200];
  const world = new World();
  const { outcome, seconds } = await world.clock.until(world.deliver({ webhook: webhook.url }), 1);
  assert.deepEqual(outcome, { status: "fulfilled", value: true });
  assert.equal(webhook.requests.length, 4);
  assert.equal(seconds, (2_000 + 10_000 + 30_000) / 1_000);

  webhook.statuses = [500];
  const other = new World();
  const failed = await other.clock.until(other.deliver({ webhook: webhook.url }), 1);
  assert.deepEqual(failed.outcome, { status: "fulfilled", value: false });
  assert.equal(other.failures().length, limits.webhookWaitsMs.length + 1);
});

for (const status of [302, 400, 404]) {
  test(`a webhook that answers ${status} is asked once, and nowhere else`, async () => {
    await using webhook = await Webhook.open();
    webhook.statuses = [status];
    const world = new World();
    assert.equal(await world.deliver({ webhook: webhook.url }), false);
    assert.equal(webhook.requests.length, 1);
    assert.deepEqual(world.failures(), [`it answered with status ${status}`]);
  });
}

test("a webhook whose certificate nobody vouches for gets nothing", async () => {
  const { chain, key } = makeCertificate({
    names: ["localhost"],
    issuer: makeAuthority({ name: "Unknown" }),
  });
  await using webhook = await Webhook.open({ chain, key });
  const world = new World();
  const { outcome } = await world.clock.until(world.deliver({ webhook: webhook.url }), 1);
  assert.deepEqual(outcome, { status: "fulfilled", value: false });
  assert.equal(webhook.requests.length, 0);
  assert.match(world.failures()[0] ?? "", /certificate/);
});

async function script(folder: string, ...lines: readonly string[]): Promise<string> {
  const path = join(folder, "script");
  await writeFile(path, ["#!/bin/sh", ...lines, ""].join("\n"));
  await chmod(path, 0o700);
  return path;
}

test("a program gets its arguments, the facts as variables, and the notice on standard input", async () => {
  await using folder = await temporaryFolder();
  const out = join(folder.path, "out");
  const path = await script(
    folder.path,
    `echo "$1" > ${out}`,
    `cat >> ${out}`,
    `env | grep ^LATCHKEY | sort >> ${out}`,
  );
  assert.equal(await new World().deliver({ exec: [path, "$(id)"] }), true);
  const [argument, input = "", ...variables] = (await readFile(out, "utf8")).trimEnd().split("\n");
  assert.equal(argument, "$(id)");
  assert.deepEqual(JSON.parse(input), { ...notice, machine: "edge1" });
  assert.deepEqual(variables, [
    "LATCHKEY_AT=2026-11-23T06:00:00.000Z",
    "LATCHKEY_DETAIL=caa: CAA forbids",
    "LATCHKEY_EVENT=renewal.failing",
    "LATCHKEY_HINT=Change the CAA record",
    "LATCHKEY_HOST=a.example",
    "LATCHKEY_KEY=renewal.failing a.example",
    "LATCHKEY_MACHINE=edge1",
    "LATCHKEY_MESSAGE=The renewal of a.example fails",
    "LATCHKEY_NEXT_ATTEMPT_AT=2026-11-23T07:00:00.000Z",
    "LATCHKEY_SEVERITY=warning",
    "LATCHKEY_SINCE=2026-11-23T06:00:00.000Z",
    "LATCHKEY_STATE=begun",
  ]);
});

const failing: readonly (readonly [lines: readonly string[], says: RegExp])[] = [
  [["exit 3"], /^it ended with 3$/],
  [["echo no pager >&2", "exit 1"], /^it ended with 1: no pager$/],
  [["kill -9 $$"], /^SIGKILL ended it$/],
];

for (const [lines, says] of failing) {
  test(`a program that says ${lines.join("; ")} has not told anybody, and is not run twice`, async () => {
    await using folder = await temporaryFolder();
    const world = new World();
    assert.equal(await world.deliver({ exec: [await script(folder.path, ...lines)] }), false);
    assert.equal(world.failures().length, 1);
    assert.match(world.failures()[0] ?? "", says);
  });
}

test("a program that does not exist is a failure that says so", async () => {
  const world = new World();
  assert.equal(await world.deliver({ exec: ["/nowhere/page"] }), false);
  assert.deepEqual(world.failures(), ["there is no such program"]);
});

test("a program that does not end in its time is killed, and has not told anybody", async () => {
  await using folder = await temporaryFolder();
  const path = await script(folder.path, "sleep 600");
  const world = new World();
  changeLimits({ commandTimeoutMs: 100 });
  assert.equal(await world.deliver({ exec: [path] }), false);
  changeLimits({});
  assert.deepEqual(world.failures(), ["it was killed after 0.1 s"]);
  assert.equal(limits.commandTimeoutMs, 60_000);
});

test("the end of the program ends what it runs, with everything that started", async () => {
  await using folder = await temporaryFolder();
  await using webhook = await Webhook.open();
  const body = "JSON.stringify({ pid: process.argv[1] })";
  const tell = `fetch("${webhook.url}", { method: "POST", body: ${body} })`;
  const lines = ["sleep 600 &", `${process.execPath} -e '${tell}' $!`, "wait"];
  const path = await script(folder.path, ...lines);
  const stopping = new AbortController();
  const delivering = new World().deliver({ exec: [path] }, stopping.signal);
  const { pid } = await webhook.notice(() => true);
  assert.ok(isRunning(pid ?? ""));
  stopping.abort();
  assert.equal(await delivering, false);
  while (isRunning(pid ?? "")) await setImmediate();
});

/** A process that nobody has buried yet does not run any more. */
function isRunning(pid: string): boolean {
  try {
    return !/^\d+ \(sleep\) Z/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}
