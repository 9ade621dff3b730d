import assert from "node:assert/strict";
import { connect, createServer } from "node:net";
import { pipeline } from "node:stream";
import { test } from "node:test";
import { limits } from "../../src/config/limits.ts";
import { alertRecord } from "../../src/connection/alert.ts";
import { Passages } from "../../src/connection/passages.ts";
import { Refusal } from "../../src/connection/refusal.ts";
import { CAPTURED_NAME, inRecords, makeHello } from "../support/hello-bytes.ts";
import {
  closeServer,
  exchange,
  hostname,
  listenAnywhere,
  makeHost,
  openDoor,
  storedCredentials,
  tunnelTo,
} from "../support/tls-door.ts";

const INTERNAL_ERROR = alertRecord("internal_error");

test("A connection that is passed through in a circle goes round a few times, and its client gets alert 80", async () => {
  let inner = 0;
  let rounds = 0;
  const router = createServer((socket) => {
    rounds += 1;
    const through = connect(inner, "127.0.0.1");
    pipeline(socket, through, socket, () => undefined);
  });
  const port = await listenAnywhere(router);
  await using door = await openDoor({
    hosts: [makeHost(CAPTURED_NAME, tunnelTo("pass-through", port))],
    sources: storedCredentials(),
  });
  inner = door.port;
  assert.deepEqual(await exchange(door.port, inRecords(makeHello())), INTERNAL_ERROR);
  assert.equal(rounds, limits.passagesMax);
  assert.deepEqual(
    door.refused.map(({ code, host }) => [code, host]),
    [["ROUTE_LOOPS", CAPTURED_NAME]],
  );
  await closeServer(router);
});

test("Only passages that are open count, each with those of the same hello", async () => {
  const passages = new Passages();
  const host = hostname(CAPTURED_NAME);
  const begin = (random: string) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    return { done: passages.during(random, host, () => promise), resolve, reject };
  };
  const isRefused = (error: unknown) => error instanceof Refusal && error.code === "ROUTE_LOOPS";
  const open = Array.from({ length: limits.passagesMax }, () => begin("one"));
  await assert.rejects(begin("one").done, isRefused);
  open.push(begin("another"));

  open[0]?.resolve();
  await open[0]?.done;
  open.push(begin("one"));
  await assert.rejects(begin("one").done, isRefused);

  open[1]?.reject(new Error("the backend is gone"));
  await assert.rejects(open[1]?.done ?? Promise.resolve(), /the backend is gone/);
  open.push(begin("one"));
  for (const each of open) each.resolve();
  await Promise.allSettled(open.map(({ done }) => done));
});
