import assert from "node:assert/strict";
import { cp, readdir, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryFolder } from "../support/folders.ts";
import { Latchkey } from "../support/latchkey.ts";
import { type Handshake, shakeHands } from "../support/visitor.ts";

const names = ["a.localhost", "b.localhost", "c.localhost"] as const;
const config = `
workers: 1
hosts:
${names.map((name) => `  ${name}: { respond: ok }`).join("\n")}
`;

const serialsOf = (latchkey: Latchkey): Promise<Handshake[]> =>
  Promise.all(names.map((name) => shakeHands(latchkey, name)));

/** The newest issuance of a host, made again and spoilt: what a broken disk leaves behind. */
async function addBrokenGeneration(storage: string, host: string): Promise<void> {
  const folder = join(storage, "certificates", host);
  assert.equal(await readlink(join(folder, "current")), "000001");
  await cp(join(folder, "000001"), join(folder, "000002"), { recursive: true });
  await writeFile(join(folder, "000002", "chain.pem"), "");
  await rm(join(folder, "current"));
  await symlink("000002", join(folder, "current"));
}

test("D5: what storage holds is served after a restart, a crash and a broken issuance, and nothing is ordered", async () => {
  await using folder = await temporaryFolder();
  const storage = join(folder.path, "storage");
  let serials: Handshake[];
  {
    await using first = await Latchkey.start({ config, storage });
    for (const name of names) await first.event("certificate.swapped", ({ host }) => host === name);
    serials = await serialsOf(first);
    assert.equal(await first.stop(), 0);
  }
  {
    await using second = await Latchkey.start({ config, storage });
    assert.deepEqual(await serialsOf(second), serials);
    assert.ok((await second.status()).hosts.every(({ state }) => state === "valid"));
    assert.equal(second.count("order.started"), 0);
    await second.kill();
  }
  await addBrokenGeneration(storage, "b.localhost");
  await using third = await Latchkey.start({ config, storage });
  assert.deepEqual(await serialsOf(third), serials);
  const { hosts } = await third.status();
  assert.deepEqual(
    hosts.map(({ state, serial }) => ({ state, serial })),
    serials.map((seen) => ({ state: "valid", serial: "serial" in seen ? seen.serial : "" })),
  );
  assert.equal(third.count("order.started"), 0);
  assert.equal((await readdir(join(storage, "quarantine"))).length, 1);
});
