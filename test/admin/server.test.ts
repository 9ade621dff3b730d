import assert from "node:assert/strict";
import { once } from "node:events";
import { statSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, request } from "node:http";
import { createServer as createRawServer } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { askForHost, askForProbe, askForReload, askStatus } from "../../src/admin/client.ts";
import { type AdminSteps, serveAdmin } from "../../src/admin/server.ts";
import type { Snapshot } from "../../src/admin/snapshot.ts";
import { codeOf, LatchkeyError } from "../../src/base/errors.ts";
import type { RolloverOutcome } from "../../src/base/rollover-outcome.ts";
import { patiently } from "../../src/cli/patiently.ts";
import { temporaryFolder } from "../support/folders.ts";

const snapshot: Snapshot = {
  version: "1.2.3",
  file: "/etc/latchkey.yaml",
  pid: 7,
  startedAt: "now",
  manager: { pid: 8, startedAt: "now" },
  workers: [],
  hosts: [],
  backends: [],
  troubles: [],
};
const ROLLOVERS: readonly RolloverOutcome[] = [
  { directory: "https://done.example/", outcome: "done", detail: "it has" },
  { directory: "https://refused.example/", outcome: "refused", detail: "it cannot" },
  { directory: "https://failed.example/", outcome: "failed", detail: "it broke" },
];
const steps: AdminSteps = {
  reload: async () => ({ kind: "rejected", why: "because", faults: ["latchkey.yaml:1:1: x: y"] }),
  rollOver: async ({ directory }) =>
    ROLLOVERS.filter((each) => directory === undefined || each.directory.endsWith(directory)),
  snapshot: () => snapshot,
  metrics: async () => "latchkey_workers 1\n",
  act: async ({ host, action, reason = "no reason" }, tell) => {
    tell({ event: "order.started", facts: { host } });
    if (host === "unknown.example") return { outcome: "unknown", detail: "who?", host: null };
    return { outcome: "done", detail: `${action}, ${reason}`, host: null };
  },
  drain: async () => ({ kind: "unknown", detail: "no such host" }),
  probe: async (host) =>
    host === "known.example" ? { token: "t", words: "w", chain: undefined } : undefined,
};

test("the admin socket is the operator's alone, from its first moment, and answers with the snapshot", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "admin.sock");
  const modes: number[] = [];
  const before = process.umask(0);
  try {
    const opening = serveAdmin(path, steps);
    let isOpen = false;
    const opened = opening.then(() => {
      isOpen = true;
    });
    while (!isOpen || modes.length === 0) {
      await new Promise((resolve) => setImmediate(resolve));
      const seen = statSync(path, { throwIfNoEntry: false });
      if (seen !== undefined) modes.push(seen.mode & 0o777);
    }
    await opened;
    const close = await opening;
    assert.deepEqual(await askStatus(path), snapshot);
    await close();
  } finally {
    process.umask(before);
  }
  assert.deepEqual([...new Set(modes)], [0o600]);
  await assert.rejects(askStatus(path), { code: "NOT_RUNNING" });
});

test("the admin socket answers GET /metrics in the type of Prometheus' text format", async () => {
  await using folder = await temporaryFolder();
  const socketPath = join(folder.path, "admin.sock");
  const close = await serveAdmin(socketPath, steps);
  const [response]: IncomingMessage[] = await once(
    request({ socketPath, path: "/metrics" }).end(),
    "response",
  );
  assert.equal(response?.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
  assert.equal(await text(response ?? assert.fail()), await steps.metrics());
  await close();
});

test("a reload that a process cannot see the outcome of, since it is being replaced, is left to its successor to answer", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "admin.sock");
  const closeFirst = await serveAdmin(path, { ...steps, reload: async () => undefined });
  const isReset = (error: unknown) =>
    error instanceof LatchkeyError && codeOf(error.cause) === "ECONNRESET";
  await assert.rejects(askForReload(path), isReset);
  const asking = patiently(() => askForReload(path), {
    storage: folder.path,
    unanswered: true,
  });
  await closeFirst({ isReplaced: true });
  const closeSecond = await serveAdmin(path, steps);
  assert.equal((await asking).kind, "rejected");
  await closeSecond();
  await closeFirst();
});

test("an admin socket that is left to a successor answers what changes nothing, and stays", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "admin.sock");
  const closeFirst = await serveAdmin(path, steps);
  await closeFirst({ isReplaced: true });
  assert.deepEqual(await askStatus(path), snapshot);
  await assert.rejects(askForReload(path), { code: "PROCESS_UNREACHABLE" });
  const closeSecond = await serveAdmin(path, steps);
  assert.equal((await askForReload(path)).kind, "rejected");
  await closeSecond();
  await closeFirst();
});

test("the admin socket takes the place of one that a dead program left", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "admin.sock");
  const closeFirst = await serveAdmin(path, steps);
  const closeSecond = await serveAdmin(path, steps);
  assert.deepEqual(await askStatus(path), snapshot);
  await closeSecond();
  await closeFirst();
});

test("the admin socket removes nothing that is no socket", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "notes.txt");
  await writeFile(path, "precious");
  await assert.rejects(serveAdmin(path, steps), { code: "LISTEN_FAILED" });
  assert.equal(await readFile(path, "utf8"), "precious");
});

test("an admin socket without a folder says that, and nothing of permissions", async () => {
  await using folder = await temporaryFolder();
  await assert.rejects(serveAdmin(join(folder.path, "none/admin.sock"), steps), {
    code: "LISTEN_FAILED",
    message: `Cannot open the admin socket ${folder.path}/none/admin.sock: there is no folder ${folder.path}/none`,
  });
});

test("what is asked for a host is told while it happens, and its outcome last", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "admin.sock");
  const close = await serveAdmin(path, steps);
  const heard: unknown[] = [];
  const asked = { host: "*.shop.example", action: "revoke", reason: "superseded" } as const;
  const outcome = await askForHost(path, asked, (happened) => heard.push(happened));
  assert.deepEqual(outcome, { outcome: "done", detail: "revoke, superseded", host: null });
  assert.deepEqual(heard, [{ event: "order.started", host: "*.shop.example" }]);
  await close();
});

const requests = [
  { line: "POST /reload", status: 422 },
  { line: "GET /reload", status: 404 },
  { line: "POST /hosts/a.example/renew", status: 200 },
  { line: "POST /hosts/%2A.a.example/retry", status: 200 },
  { line: "POST /hosts/unknown.example/renew", status: 404 },
  { line: "GET /hosts/a.example/renew", status: 404 },
  { line: "POST /hosts/a.example/explode", status: 404 },
  { line: "POST /hosts//renew", status: 404 },
  { line: "POST /hosts/%/renew", status: 404 },
  { line: "POST /hosts/a.example/renew/more", status: 404 },
];

for (const { line, status } of requests) {
  test(`the admin socket answers ${line} with ${status} and one JSON value`, async () => {
    await using folder = await temporaryFolder();
    const socketPath = join(folder.path, "admin.sock");
    const close = await serveAdmin(socketPath, steps);
    const [method, path] = line.split(" ");
    const sent = request({ socketPath, method, path });
    sent.end();
    const [response]: IncomingMessage[] = await once(sent, "response");
    assert.equal(response?.statusCode, status);
    const body = await text(response);
    assert.equal(typeof JSON.parse(body), "object");
    await close();
  });
}

const strange = [
  { name: "an error", status: 404, body: '{"error":"no"}' },
  { name: "no JSON", status: 200, body: "<html>" },
  { name: "JSON of another program", status: 200, body: '{"hosts":{}}' },
  { name: "nothing", status: 200, body: "null" },
];

for (const { name, status, body } of strange) {
  test(`askStatus says so when what listens answers with ${name}`, async (t) => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, "admin.sock");
    const server = createServer((_, response) => response.writeHead(status).end(body));
    t.after(() => server.close());
    await new Promise<void>((resolve) => server.listen(path, resolve));
    await assert.rejects(askStatus(path), { code: "PROCESS_UNREACHABLE" });
  });
}

test("askStatus ends with the connection, whatever came over it", async (t) => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "admin.sock");
  const server = createRawServer((socket) => {
    socket.end("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n");
  });
  t.after(() => server.close());
  await new Promise<void>((resolve) => server.listen(path, resolve));
  await assert.rejects(askStatus(path), {
    code: "PROCESS_UNREACHABLE",
    message: /it ended, or was replaced, before it had answered$/,
  });
});

test("askStatus says of a program that takes the question and is stopped that it gave no answer in time", async (t) => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "admin.sock");
  const server = createRawServer((socket) => t.after(() => socket.destroy()));
  t.after(() => server.close());
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const timeout = AbortSignal.timeout(10);
  t.mock.method(AbortSignal, "timeout", () => timeout);
  await assert.rejects(askStatus(path), {
    code: "PROCESS_UNREACHABLE",
    message: /no answer in time: it is stopped/,
  });
});

test("the admin socket gives a probe for a host of ours, and none for another", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "admin.sock");
  const close = await serveAdmin(path, steps);
  assert.deepEqual(await askForProbe(path, "known.example"), {
    token: "t",
    words: "w",
    chain: undefined,
  });
  assert.equal(await askForProbe(path, "unknown.example"), undefined);
  await close();
  await assert.rejects(askForProbe(path, "known.example"), { code: "NOT_RUNNING" });
});

const rollovers = [
  ["", 502, ["done", "refused", "failed"]],
  ["?directory=https://done.example/", 200, ["done"]],
  ["?directory=https%3A%2F%2Frefused.example%2F", 409, ["refused"]],
  ["?directory=https://failed.example/", 502, ["failed"]],
  ["?directory=https://unknown.example/", 404, []],
] as const;

for (const [query, status, outcomes] of rollovers) {
  test(`POST /accounts/rollover${query} answers with ${status} and a row for each CA`, async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, "admin.sock");
    const close = await serveAdmin(path, steps);
    const asking = request({
      socketPath: path,
      method: "POST",
      path: `/accounts/rollover${query}`,
    });
    const [response]: IncomingMessage[] = await once(asking.end(), "response");
    const { accounts } = JSON.parse(await text(response ?? assert.fail()));
    assert.equal(response?.statusCode, status);
    assert.deepEqual(
      accounts.map(({ outcome }: RolloverOutcome) => outcome),
      outcomes,
    );
    await close();
  });
}
