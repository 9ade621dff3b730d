import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { Latchkey } from "../support/latchkey.ts";
import { listenAnywhere } from "../support/tls-door.ts";

/** How one run went, as it says itself. */
interface Run {
  /** Was the service available, at each look? */
  readonly available: readonly boolean[];
  readonly end: string;
}

/** As many as one run opens; they come as fast as its handshakes allow. */
const CONNECTIONS = 100;
const SECONDS_MAX = 60;
const ALL_CLOSED = "No open connections left";
const MIB = 1_048_576;

/** Takes whole bodies, and answers with more than any buffer on the way holds. */
const backend = createServer((request, response) => {
  request.resume().on("end", () => response.end(Buffer.alloc(8 * MIB, "x")));
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

test("T26: heads that never end are all cut off, and everybody else is served meanwhile", async () => {
  const { available, end } = await attack("-H", "-i", "2");
  assert.equal(end, ALL_CLOSED);
  assert.ok(available.length > 0 && available.every(Boolean), String(available));
});

test("T26: bodies that hardly come are all cut off, and everybody else is served meanwhile", async () => {
  const { available, end } = await attack("-B", "-i", "2", "-x", "10", "-s", "65536");
  assert.equal(end, ALL_CLOSED);
  assert.ok(available.length > 0 && available.every(Boolean), String(available));
});

test("T26: answers that are hardly read fill no memory, and everybody else is served meanwhile", async () => {
  const [worker] = (await latchkey.status()).workers;
  const before = await residentBytes(worker?.pid);
  let most = before;
  const watch = setInterval(async () => {
    most = Math.max(most, await residentBytes(worker?.pid));
  }, 500);
  const slowly = ["-n", "1", "-z", "32", "-w", "512", "-y", "1024", "-l", "15"];
  const { available } = await attack("-X", ...slowly);
  clearInterval(watch);
  assert.ok(available.length > 0 && available.every(Boolean), String(available));
  assert.ok(most > before && most - before < 100 * MIB, `${(most - before) / MIB} MiB`);
});

/** What a process occupies at the moment, as Linux tells it. */
async function residentBytes(pid = 0): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return 1_024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
}

async function attack(...options: readonly string[]): Promise<Run> {
  const url = `https://127.0.0.1:${latchkey.httpsPort}/`;
  const how = ["-c", CONNECTIONS, "-r", CONNECTIONS, "-l", SECONDS_MAX, "-p", 5, "-v", 1];
  const args = [...how.map(String), "-u", url, ...options];
  const { stdout } = await promisify(execFile)("slowhttptest", args, { maxBuffer: 16 * MIB });
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it colours what it says
  const text = stdout.replace(/\x1b\[[0-9;]*[A-Za-z]/g, "");
  return {
    available: [...text.matchAll(/service available:\s+(YES|NO)/g)].map(([, it]) => it === "YES"),
    end: /Exit status:\s*(.*?)\s*$/m.exec(text)?.[1] ?? "",
  };
}
