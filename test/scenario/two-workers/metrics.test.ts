import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, beforeEach, test } from "node:test";
import { askMetrics } from "../../support/ask-metrics.ts";
import { runProgram } from "../../support/client-program.ts";
import { deadPort } from "../../support/dead-port.ts";
import { type Family, numberOf } from "../../support/exposition-reader.ts";
import type { Latchkey } from "../../support/latchkey.ts";
import { without } from "../../support/programs.ts";
import { share } from "../../support/shared-program.ts";
import { refusal } from "../../support/visit.ts";

const HOSTS = ["counted.localhost", "gone.localhost"];
const BODY = "counted";
const backend = createServer((_request, response) => response.end(BODY));
backend.listen(0, "127.0.0.1");
await once(backend, "listening");
const address = backend.address();
if (address === null || typeof address === "string") throw new TypeError("no port");
const start = share({
  workers: 2,
  hosts: `
  counted.localhost: ${address.port}
  gone.localhost: ${await deadPort()}`,
});
let latchkey: Latchkey;
beforeEach(async () => {
  latchkey = await start();
  for (const name of HOSTS)
    await latchkey.event("certificate.swapped", ({ host }) => host === name);
});
after(() => {
  backend.close();
  backend.closeAllConnections();
});

type Labels = Readonly<Record<string, string>>;
type Series = readonly [name: string, labels: Labels];

const H1 = { protocol: "http/1.1", method: "GET" };
const H2 = { protocol: "h2", method: "GET" };
const WATCHED: readonly Series[] = [
  ["latchkey_requests_total", { ...H1, status: "200" }],
  ["latchkey_requests_total", { ...H2, status: "200" }],
  ["latchkey_requests_total", { ...H1, status: "502" }],
  ["latchkey_requests_total", { protocol: "http", method: "GET", status: "308" }],
  ["latchkey_host_requests_total", { host: "counted.localhost", class: "2xx" }],
  ["latchkey_host_requests_total", { host: "gone.localhost", class: "5xx" }],
  ["latchkey_request_duration_seconds_count", {}],
  ["latchkey_connections_refused_total", { code: "HOST_UNKNOWN" }],
];

/** How much each of them has grown. */
function growth(before: ReadonlyMap<string, Family>, now: ReadonlyMap<string, Family>) {
  return WATCHED.map(([name, labels]) => {
    return (numberOf(now, name, labels) ?? 0) - (numberOf(before, name, labels) ?? 0);
  });
}

/** The statuses that curl got, one for each URL, over one connection if it can. */
async function curl(version: string, host: string, times: number): Promise<readonly string[]> {
  const door = `${host}:${latchkey.httpsPort}`;
  const known = ["--cacert", latchkey.root, "--resolve", `${door}:127.0.0.1`];
  const urls = Array.from({ length: times }, () => ["-o", "/dev/null", `https://${door}/`]);
  const args = [version, "-sS", ...known, "-w", "%{http_code} ", ...urls.flat()];
  return (await runProgram("curl", args)).stdout.trim().split(" ");
}

test("GET /metrics says exactly what was done, also when a worker was killed meanwhile", {
  skip: without("curl") || without("openssl"),
}, async () => {
  const before = await askMetrics(latchkey);
  assert.deepEqual(await curl("--http1.1", "counted.localhost", 3), ["200", "200", "200"]);
  assert.deepEqual(await curl("--http2", "counted.localhost", 2), ["200", "200"]);
  assert.deepEqual(await curl("--http1.1", "gone.localhost", 1), ["502"]);
  const unknown = await refusal(latchkey.httpsPort, "unknown.localhost");
  assert.equal(unknown.alert, 112);
  const plain = `counted.localhost:${latchkey.httpPort}`;
  await runProgram("curl", ["-sS", "--resolve", `${plain}:127.0.0.1`, `http://${plain}/`]);
  const served = await askMetrics(latchkey);
  assert.deepEqual(growth(before, served), [3, 2, 1, 1, 5, 1, 6, 1]);
  const bytes = "latchkey_response_body_bytes_total";
  assert.ok((numberOf(served, bytes) ?? 0) >= (numberOf(before, bytes) ?? 0) + 5 * BODY.length);
  const refused = ["latchkey_backend_failures_total", { kind: "refused" }] as const;
  assert.ok((numberOf(served, ...refused) ?? 0) > (numberOf(before, ...refused) ?? 0));

  const [worker] = (await latchkey.status()).workers;
  const replaced = latchkey.nextEvent("process.ready");
  process.kill(worker?.pid ?? assert.fail(), "SIGKILL");
  await replaced;
  assert.deepEqual(await curl("--http2", "counted.localhost", 2), ["200", "200"]);
  const after = await askMetrics(latchkey);
  assert.deepEqual(growth(before, after), [3, 4, 1, 1, 7, 1, 8, 1]);
});

test("GET /metrics names every process and certificate, and no host that a stranger asked for", async () => {
  const families = await askMetrics(latchkey);
  const { workers } = await latchkey.status();
  const processes = families.get("latchkey_process_resident_memory_bytes")?.samples;
  assert.deepEqual(
    processes?.map(({ labels }) => labels["process"]).toSorted(),
    ["manager", ...workers.map(({ index }) => `worker ${index}`)].toSorted(),
  );
  for (const host of HOSTS) {
    assert.equal(numberOf(families, "latchkey_certificate_state", { host, state: "valid" }), 1);
    const notAfter = numberOf(families, "latchkey_certificate_not_after_seconds", { host }) ?? 0;
    assert.ok(notAfter > Date.now() / 1_000, `${notAfter}`);
  }
  assert.ok(!JSON.stringify([...families]).includes("unknown.localhost"));
});
