import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createServer as createRawServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { askStatus } from "../../src/admin/client.ts";
import { serveAdmin } from "../../src/admin/server.ts";
import type { Snapshot } from "../../src/admin/snapshot.ts";
import { temporaryFolder } from "../support/folders.ts";

const snapshot: Snapshot = { version: "1.2.3", startedAt: "now", workers: [], hosts: [] };
const steps = { snapshot: () => snapshot };

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
  await assert.rejects(askStatus(path), { code: "PROCESS_UNREACHABLE" });
});
