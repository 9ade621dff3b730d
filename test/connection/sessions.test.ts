import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryFolder } from "../support/folders.ts";
import { without } from "../support/programs.ts";
import { alertOf, sClient, wasResumed } from "../support/s-client.ts";
import {
  type Door,
  hostname,
  makeCredential,
  makeHost,
  openDoor,
  storedCredentials,
} from "../support/tls-door.ts";

const skip = without("openssl");
const names = ["a.example", "b.example", "c.example"] as const;
const credentials = names.map((name) => makeCredential(name));
const open = (ticketMaster?: Uint8Array) =>
  openDoor({
    // b and c share a route, a has its own.
    hosts: [makeHost("a.example"), makeHost("*.example")],
    sources: storedCredentials(...credentials),
    ...(ticketMaster ? { ticketMaster } : {}),
  });

for (const version of ["-tls1_2", "-tls1_3"]) {
  test(`T6: a session ${version} is resumed at its own host and at no other`, {
    skip,
  }, async () => {
    await using door = await open();
    await using folder = await temporaryFolder();
    for (const from of names) {
      const file = join(folder.path, from);
      await sClient(door.port, version, "-servername", from, "-sess_out", file);
      for (const to of names) {
        const printed = await sClient(door.port, version, "-servername", to, "-sess_in", file);
        assert.equal(wasResumed(printed), from === to, `a session of ${from} offered to ${to}`);
        assert.match(printed, new RegExp(`hello from ${to}`));
        if (from !== to) assert.match(printed, new RegExp(`subject=CN = ${to}`));
      }
    }
  });

  test(`a session ${version} of one worker is resumed by another`, { skip }, async () => {
    await using one = await open();
    await using other = await open();
    await using folder = await temporaryFolder();
    const file = join(folder.path, "session");
    await sClient(one.port, version, "-servername", "a.example", "-sess_out", file);
    const printed = await sClient(
      other.port,
      version,
      "-servername",
      "a.example",
      "-sess_in",
      file,
    );
    assert.equal(wasResumed(printed), true);
  });

  test(`T12: a session ${version} survives the swap of the certificate, not the change of the master`, {
    skip,
  }, async () => {
    await using door = await open();
    await using folder = await temporaryFolder();
    const file = join(folder.path, "session");
    const visit = (...args: string[]) =>
      sClient(door.port, version, "-servername", "a.example", ...args);
    await visit("-sess_out", file);
    await swapIn(door);
    assert.equal(wasResumed(await visit("-sess_in", file)), true);
    door.steps.terminator.rotate(Buffer.alloc(32, 2));
    assert.equal(wasResumed(await visit("-sess_in", file)), false);
    await visit("-sess_out", file);
    assert.equal(wasResumed(await visit("-sess_in", file)), true);
  });
}

test("T4, T5: no certificate byte is sent to a client without a name of ours", {
  skip,
}, async () => {
  await using door = await open();
  const visits = [["-noservername"], ["-servername", "a.other"], ["-servername", "x.a.example"]];
  for (const visit of visits) {
    const printed = await sClient(door.port, ...visit);
    assert.equal(alertOf(printed), 112, visit.join(" "));
    assert.match(printed, /no peer certificate available/);
  }
});

test("a client that offers only acme-tls/1 is answered by alert 120", { skip }, async () => {
  await using door = await open();
  const printed = await sClient(door.port, "-servername", "a.example", "-alpn", "acme-tls/1");
  assert.equal(alertOf(printed), 120);
});

const refusedClients: readonly [what: string, args: string[]][] = [
  ["TLS 1.1", ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"]],
  ["TLS 1.2 without forward secrecy", ["-tls1_2", "-cipher", "AES128-GCM-SHA256"]],
  ["TLS 1.2 with CBC", ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256"]],
];

for (const [what, args] of refusedClients) {
  test(`T11: ${what} is refused, also after a swap`, { skip }, async () => {
    await using door = await open();
    const visit = () => sClient(door.port, "-servername", "a.example", ...args);
    assert.match(await visit(), /alert (protocol version|handshake failure)/);
    await sClient(door.port, "-servername", "a.example");
    await swapIn(door);
    const swapped = await sClient(door.port, "-servername", "a.example");
    assert.match(swapped, /subject=CN = swapped/);
    assert.match(await visit(), /alert (protocol version|handshake failure)/);
  });
}

/** Another certificate for a.example, told from the first by its common name. */
async function swapIn(door: Door): Promise<void> {
  const host = hostname("a.example");
  const held = makeCredential("swapped.example", host);
  await door.steps.credentials.announced({ host, issuance: 1, held });
}
