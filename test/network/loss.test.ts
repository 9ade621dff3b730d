import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { request } from "node:https";
import { buffer } from "node:stream/consumers";
import { test } from "node:test";
import { amount } from "../support/full-numbers.ts";
import { Latchkey } from "../support/latchkey.ts";
import { SlowLink } from "../support/slow-link.ts";
import { closeServer, listenAnywhere } from "../support/tls-door.ts";

const HOST = "shop.localhost";
const COUNT = amount(200, 1_000);
const AT_ONCE = 50;
const LOST_PERCENT = 20;
const ROUND_TRIP_MS = 500;
const PATIENCE_MS = 60_000;
const PAGE = Buffer.alloc(1_024, "a");

/** The kernel loses packets to and from this port, TCP's own as well. */
function losePackets(port: number): void {
  const lost = `numgen random mod 100 < ${LOST_PERCENT} drop`;
  const rules = `table inet loss-${port} {
    chain input {
      type filter hook input priority 0;
      tcp dport ${port} ${lost}
      tcp sport ${port} ${lost}
    }
  }`;
  execFileSync("nft", ["-f", "-"], { input: rules });
}

/** A handshake, a request and its whole answer; rejects when any of it fails. */
async function visit(port: number, ca: Buffer): Promise<number> {
  const startedAt = performance.now();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  // What tells of an end may be lost, too: a reset is sent once.
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const place = { host: "127.0.0.1", port, servername: HOST, ca, agent: false, signal } as const;
  const asked = request({ ...place, headers: { host: HOST } }, (answer) => {
    buffer(answer).then((page) => {
      if (page.equals(PAGE)) resolve();
      else reject(new Error(`${page.length} bytes`));
    }, reject);
  });
  asked.on("error", reject);
  asked.end();
  await promise;
  return performance.now() - startedAt;
}

interface Outcome {
  readonly visits: number;
  readonly failed: readonly string[];
  readonly text: string;
}

/** Many visits, some at once, over a bad network to a program of its own. */
async function visits(limits: string): Promise<Outcome> {
  const site = createServer((_, response) => response.end(PAGE));
  const port = await listenAnywhere(site);
  const config = `workers: 2\n${limits}\nhosts:\n  ${HOST}: ${port}\n`;
  await using latchkey = await Latchkey.start({ config });
  await latchkey.event("certificate.swapped");
  const ca = readFileSync(latchkey.root);
  await using link = await SlowLink.open(latchkey.httpsPort, ROUND_TRIP_MS / 2);
  losePackets(latchkey.httpsPort);
  const [tookMs, failed] = [[] as number[], [] as string[]];
  let left = COUNT;
  const visitor = async () => {
    while (left > 0) {
      left -= 1;
      await visit(link.port, ca).then(
        (ms) => tookMs.push(ms),
        (error) => failed.push(`${error}`),
      );
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, visitor));
  await closeServer(site);
  const refused = latchkey.lines.flatMap(({ event, code }) =>
    event === "connection.refused" ? [code] : [],
  );
  tookMs.sort((one, other) => one - other);
  const middleMs = Math.round(tookMs[Math.floor(tookMs.length / 2)] ?? 0);
  const text = `${failed.length} of ${COUNT} failed (${refused.join(", ")}), half took ${middleMs} ms, the longest ${Math.round(tookMs.at(-1) ?? 0)} ms`;
  return { visits: COUNT, failed, text };
}

const network = `with ${LOST_PERCENT} % of the packets lost, packets of 500 bytes and a round trip of ${ROUND_TRIP_MS} ms`;
// Both at once: most of it is waiting.
const patient = visits("limits: { helloTimeoutMs: 40s, handshakeTimeoutMs: 40s }");
const strict = visits("");

test(`N6: ${network} 99 of 100 visits succeed when a hello and a handshake may take 40 s`, async (t) => {
  const { visits: count, failed, text } = await patient;
  t.diagnostic(text);
  assert.ok(failed.length <= count / 100, failed.join("\n"));
});

// A hello is some four such packets, and each one that is lost twice or more costs seconds.
test(`N6: ${network} more than nine of ten succeed with the five seconds that a hello has`, async (t) => {
  const { visits: count, failed, text } = await strict;
  t.diagnostic(text);
  assert.ok(failed.length < count / 10, failed.join("\n"));
});
