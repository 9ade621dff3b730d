import assert from "node:assert/strict";
import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { Alarm } from "../../src/alert/alarm.ts";
import { channelsOf } from "../../src/alert/channels.ts";
import type { Trouble } from "../../src/base/trouble.ts";
import { limits } from "../../src/config/limits.ts";
import { ToldTroubles } from "../../src/storage/told-troubles.ts";
import { openStorage } from "../support/stored.ts";
import { Webhook } from "../support/webhook.ts";

const SECOND = 1_000;

function failing(host: string): Trouble {
  return {
    ...({ kind: "renewal.failing", host, severity: "warning" } as const),
    ...{ message: `${host} fails`, detail: "because", hint: "do", nextAttemptAt: undefined },
  };
}

/** A webhook and a pager that are told of the same troubles. */
async function world(troubles: readonly Trouble[]) {
  const [opened, webhook] = [await openStorage(), await Webhook.open()];
  const { root, clock, log } = opened;
  const [pager, paged] = [join(root, "pager"), join(root, "paged")];
  await writeFile(pager, `#!/bin/sh\necho "$LATCHKEY_HOST $LATCHKEY_STATE" >> ${paged}\n`);
  await chmod(pager, 0o700);
  const alerts = { webhook: webhook.url, exec: [pager], expiresWithin: 0.25 };
  const begin = () => {
    const toldTroubles = new ToldTroubles(opened.storage);
    const stopping = new AbortController();
    const running = channelsOf({ alerts, machine: "edge1", clock, log }).map((channel) => {
      const store = toldTroubles.of(channel.name);
      const look = () => ({ troubles, isUndecided: () => false });
      const alarm = new Alarm({ clock, log, store, channel, look, mayTellUnsaved: () => true });
      return alarm.keepTelling(stopping.signal);
    });
    return async () => {
      stopping.abort();
      await Promise.all(running);
    };
  };
  let end = begin();
  const sent = (channel: string) =>
    log.events.flatMap(({ event, facts }) =>
      event === "alert.sent" && facts["channel"] === channel ? [facts["alert"]] : [],
    );
  return {
    ...{ clock, webhook, sent },
    paged: async () => (await readFile(paged, "utf8")).trimEnd().split("\n"),
    restart: async () => {
      await end();
      end = begin();
    },
    [Symbol.asyncDispose]: async () => {
      await end();
      await opened[Symbol.asyncDispose]();
      await webhook[Symbol.asyncDispose]();
    },
  };
}

/** Lets a second pass at a time while it is not so. */
async function passUntil(clock: { advance(ms: number): void }, isSo: () => boolean, ms = SECOND) {
  while (!isSo()) {
    await setImmediate();
    clock.advance(ms);
  }
}

test("a receiver that is down keeps nobody else waiting", async () => {
  const many = Array.from({ length: 10 }, (_, index) => failing(`h${index}.example`));
  await using each = await world(many);
  each.webhook.statuses = [500];
  // Nothing that the webhook waits for comes: the time stands still.
  await passUntil(each.clock, () => each.sent("exec").length === many.length, 0);
  assert.deepEqual(
    await each.paged(),
    many.map(({ host }) => `${host} begun`),
  );
  assert.deepEqual(each.sent("webhook"), []);
});

test("what one receiver missed is told to it again, and only to it, over a restart too", async () => {
  await using each = await world([failing("a.example")]);
  each.webhook.statuses = [500];
  const tries = limits.webhookWaitsMs.length + 1;
  await passUntil(each.clock, () => each.webhook.requests.length === tries);
  await passUntil(each.clock, () => each.sent("exec").length === 1, 0);
  each.webhook.statuses = [200];
  await each.restart();
  await passUntil(each.clock, () => each.sent("webhook").length === 1);
  assert.equal(each.webhook.received.at(-1)?.["state"], "begun");
  assert.deepEqual(await each.paged(), ["a.example begun"]);
  await each.restart();
  for (let second = 0; second < 1_000; second += 1) {
    await setImmediate();
    each.clock.advance(SECOND);
  }
  assert.equal(each.sent("webhook").length, 1);
  assert.deepEqual(await each.paged(), ["a.example begun"]);
});
