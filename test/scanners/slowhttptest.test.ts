import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { temporaryFolder } from "../support/folders.ts";
import { Latchkey } from "../support/latchkey.ts";
import { listenAnywhere } from "../support/tls-door.ts";

/** How one run went, as it says itself. */
interface Run {
  readonly seconds: readonly Second[];
  readonly end: string;
}

/** How its connections stood after so many seconds. */
interface Second {
  readonly at: number;
  readonly closed: number;
  /** All that have been through their handshakes so far. */
  readonly begun: number;
  readonly isAvailable: boolean;
}

/** As many as one run opens; they come as fast as its handshakes allow. */
const CONNECTIONS = 1_000;
const PER_SECOND = 250;
const SECONDS_MAX = 60;
/** A head, or the pace of a body, is waited for this long … */
const CLOSED_MAX_SECONDS = 11;
/** … and it counts in whole seconds, on a machine that does something else as well. */
const SLACK_SECONDS = 8;
const ALL_CLOSED = "No open connections left";
const MIB = 1_048_576;
/** What may wait for each that reads nothing (B8), whose TLS is in it. */
const HELD_MAX = (CONNECTIONS * MIB) / 4;
const BODY = Buffer.alloc(8 * MIB, "x");

/** Takes whole bodies, and answers with more than any buffer on the way holds. */
const backend = createServer((request, response) => {
  request.resume().on("end", () => response.end(BODY));
});
const backendPort = await listenAnywhere(backend);
/** slowhttptest sends no name: it gets the one host that is an address. */
const latchkey = await Latchkey.start({
  config: `
workers: 1
authority: { permit: ["127.0.0.1"] }
hosts:
  127.0.0.1: { to: ${backendPort}, issuer: internal }
`,
});
after(async () => {
  await latchkey[Symbol.asyncDispose]();
  backend.close();
  backend.closeAllConnections();
});
await latchkey.event("certificate.swapped");

const slow: readonly (readonly [what: string, ...options: string[]])[] = [
  ["heads that never end", "-H", "-i", "2"],
  ["bodies that hardly come", "-B", "-i", "2", "-x", "10", "-s", "65536"],
];
for (const [what, ...options] of slow) {
  test(`T26: of ${CONNECTIONS} ${what} each is cut off within ${CLOSED_MAX_SECONDS} s, and everybody else is served meanwhile`, async (t) => {
    const { seconds, end } = await attack(...options);
    assert.equal(end, ALL_CLOSED);
    assert.ok(seconds.every(({ isAvailable }) => isAvailable));
    const last = seconds.at(-1);
    assert.ok(last !== undefined && last.begun >= CONNECTIONS, `${last?.begun} connections`);
    const late = seconds.filter(({ at, closed }) => {
      const due = seconds.findLast((each) => each.at <= at - CLOSED_MAX_SECONDS - SLACK_SECONDS);
      return due !== undefined && closed < due.begun;
    });
    t.diagnostic(`all were closed after ${last.at} s`);
    assert.deepEqual(late, []);
  });
}

test(`T26: ${CONNECTIONS} answers that are hardly read fill no memory, and everybody else is served meanwhile`, async (t) => {
  const [worker] = (await latchkey.status()).workers;
  const before = await residentBytes(worker?.pid);
  let most = before;
  const watch = setInterval(async () => {
    most = Math.max(most, await residentBytes(worker?.pid));
  }, 500);
  const slowly = ["-n", "1", "-z", "32", "-w", "512", "-y", "1024", "-l", "30"];
  const { seconds } = await attack("-X", ...slowly);
  clearInterval(watch);
  t.diagnostic(`${seconds.at(-1)?.begun} connections, ${Math.round((most - before) / MIB)} MiB`);
  assert.ok(seconds.length > 0 && seconds.every(({ isAvailable }) => isAvailable));
  assert.ok(most > before && most - before < HELD_MAX, `${(most - before) / MIB} MiB`);
});

/** What a process occupies at the moment, as Linux tells it. */
async function residentBytes(pid = 0): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return 1_024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
}

async function attack(...options: readonly string[]): Promise<Run> {
  await using folder = await temporaryFolder();
  const statistics = join(folder.path, "slow");
  const url = `https://127.0.0.1:${latchkey.httpsPort}/`;
  const how = ["-c", CONNECTIONS, "-r", PER_SECOND, "-l", SECONDS_MAX, "-p", 5, "-v", 1];
  const args = [...how.map(String), "-g", "-o", statistics, "-u", url, ...options];
  const { stdout } = await promisify(execFile)("slowhttptest", args, { maxBuffer: 16 * MIB });
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it colours what it says
  const text = stdout.replace(/\x1b\[[0-9;]*[A-Za-z]/g, "");
  const [, ...lines] = (await readFile(`${statistics}.csv`, "utf8")).trim().split("\n");
  return {
    seconds: lines.map(secondIn),
    end: /Exit status:\s*(.*?)\s*$/m.exec(text)?.[1] ?? "",
  };
}

/** A line of its statistics: seconds, closed, pending, connected, and 0 while the service is not available. */
function secondIn(line: string): Second {
  const [at = 0, closed = 0, _pending, connected = 0, available = 0] = line.split(",").map(Number);
  return { at, closed, begun: closed + connected, isAvailable: available > 0 };
}
