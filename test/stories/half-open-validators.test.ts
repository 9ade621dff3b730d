import assert from "node:assert/strict";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { connect } from "node:net";
import { test } from "node:test";
import { makeCertificate } from "../support/certificates.ts";
import { alpn, inRecords, makeHello, serverName } from "../support/hello-bytes.ts";
import { turns } from "../support/ticks.ts";
import {
  hostname,
  makeCredential,
  makeHost,
  openDoor,
  storedCredentials,
} from "../support/tls-door.ts";

const COUNT = 1_000;
/** Of a machine that does nothing else; threefold is allowed for what it does beside. */
const CLOSED_MAX_MS = 6_000;
const SLACK = 3;

const host = hostname("a.example");
const { chain, key } = makeCertificate({ names: [host] });
const extensions = [
  ...[serverName(host), alpn("acme-tls/1")],
  ...[Buffer.of(0, 10, 0, 4, 0, 2, 0, 23), Buffer.of(0, 13, 0, 4, 0, 2, 4, 3)],
];

test(`T10: ${COUNT} validators that stop inside the handshake are all closed within ${CLOSED_MAX_MS} ms, and leave no descriptor`, async (t) => {
  await using door = await openDoor({
    hosts: [makeHost(host)],
    sources: storedCredentials(makeCredential(host)),
    relay: () => assert.fail("a validator is never handed to the relay"),
  });
  door.steps.challenges.arm({ id: 1, type: "tls-alpn-01", host, chain, key });
  const before = openFiles();
  const hello = inRecords(makeHello({ extensions }));
  let shown = 0;
  const took = await Promise.all(
    Array.from({ length: COUNT }, async () => {
      const socket = connect({ port: door.port, host: "127.0.0.1" });
      socket.on("error", () => {});
      socket.on("data", () => {});
      socket.once("data", () => {
        shown += 1;
      });
      await once(socket, "connect");
      const startedAt = performance.now();
      socket.write(hello);
      await once(socket, "close");
      return performance.now() - startedAt;
    }),
  );
  const longest = Math.max(...took);
  t.diagnostic(`${shown} were answered, the last was closed after ${Math.round(longest)} ms`);
  assert.ok(longest <= SLACK * CLOSED_MAX_MS, `${longest} ms`);
  assert.ok(shown > COUNT / 2, "hardly any was inside a handshake");
  // The door hears of a closed socket some turns later than its client.
  for (let turn = 0; turn < 100 && door.open.size > 0; turn += 1) await turns();
  assert.equal(door.open.size, 0);
  assert.equal(openFiles(), before);
});

/** Descriptors of this process, as Linux tells them. */
function openFiles(): number {
  return readdirSync("/proc/self/fd").length;
}
