import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { memoryOf } from "../bench/process-tree.ts";
import { makeCertificate } from "../support/certificates.ts";
import { temporaryFolder } from "../support/folders.ts";
import { Latchkey } from "../support/latchkey.ts";
import { storeHosts } from "../support/stored-hosts.ts";
import { alone } from "../support/strain.ts";
import { shakeHands } from "../support/visitor.ts";

const COUNT = 10_000;
const DAY = 86_400_000;
const START_MS = 15_000;
const GROWTH_BYTES = 2 ** 30;
const HANDSHAKE_MS = 50;
const HANDSHAKES = 50;
const hosts = Array.from({ length: COUNT }, (_, nth) => `h${nth}.many.localhost`);
const pem = makeCertificate({
  names: ["*.many.localhost"],
  notBefore: Date.now() - DAY,
  notAfter: Date.now() + 60 * DAY,
});

const configOf = (names: readonly string[]) =>
  `workers: 2\nhosts:\n${names.map((host) => `  ${host}: { respond: ok }\n`).join("")}`;

test(`S15: with ${COUNT.toLocaleString("en")} hosts in storage all are served ${START_MS / 1_000} s after the start, within 1 GiB, a first handshake in ${HANDSHAKE_MS} ms on the average`, async (t) => {
  await using folder = await temporaryFolder();
  const storage = join(folder.path, "storage");
  await storeHosts(storage, hosts, () => pem); // all of them the same one, for the sake of time
  let small = 0;
  {
    await using few = await Latchkey.start({ config: configOf(hosts.slice(0, 1)), storage });
    small = memoryOf(few.process.pid ?? 0);
    await few.stop();
  }
  let started: Latchkey | undefined;
  const startMs = await alone(async () => {
    started = await Latchkey.start({ config: configOf(hosts), storage });
  });
  await using latchkey = started ?? assert.fail("it has not started");
  assert.equal(latchkey.count("storage.quarantined"), 0);
  const options = { rejectUnauthorized: false };
  const handshakeMs = await alone(async () => {
    for (let nth = 0; nth < HANDSHAKES; nth += 1) {
      const host = hosts[(nth * COUNT) / HANDSHAKES] ?? "";
      assert.ok("serial" in (await shakeHands(latchkey, host, options)));
    }
  });
  const grownBytes = memoryOf(latchkey.process.pid ?? 0) - small;
  t.diagnostic(
    `start ${Math.round(startMs)} ms, handshake ${Math.round(handshakeMs / HANDSHAKES)} ms, ${Math.round(grownBytes / 2 ** 20)} MiB more than with one host`,
  );
  assert.ok(startMs <= START_MS, `${startMs} ms`);
  assert.ok(grownBytes <= GROWTH_BYTES, `${grownBytes} bytes`);
  assert.ok(handshakeMs / HANDSHAKES <= HANDSHAKE_MS, `${handshakeMs} ms`);
  assert.equal(latchkey.count("order.started"), 0);
  const { hosts: rows } = await latchkey.status();
  assert.equal(rows.filter(({ state }) => state === "valid").length, COUNT);
});
