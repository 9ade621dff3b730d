import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { readCredential } from "../../src/base/credential.ts";
import { heldOf } from "../../src/certificate/records.ts";
import { temporaryFolder } from "../support/folders.ts";
import { HttpsAuthority } from "../support/https-authority.ts";
import { Issuing } from "../support/issuing.ts";
import { certificateFor, directory, named } from "../support/stored.ts";

const MINUTE = 60_000;

test("certificates that were issued at one moment are renewed at moments of their own", () => {
  const renewal = { checkEveryMs: 10 * MINUTE, at: "auto" } as const;
  const minutes = Array.from({ length: 20 }, (_, nth) => {
    const { chain, key } = certificateFor(named(`shop-${nth}.example`));
    const issued = { credential: readCredential(chain, key), issuer: directory };
    const { renewAt, notBefore } = heldOf(issued, 1, renewal, true);
    return Math.floor((renewAt - notBefore) / MINUTE);
  });
  assert.ok(new Set(minutes).size >= 15, `${minutes}`);
});

test("hosts whose CA advises the same window are renewed at moments of their own in it", async () => {
  await using ca = await HttpsAuthority.start();
  await using folder = await temporaryFolder();
  const hosts = Array.from({ length: 4 }, (_, nth) => named(`shop-${nth}.test`));
  const root = join(folder.path, "storage");
  await using issuing = await Issuing.open({
    ...{ root, hosts, directory: ca.directory, ca: ca.address },
  });
  await issuing.run();
  const isAdvised = () => issuing.floor.list().every(({ renewalInfo }) => renewalInfo !== null);
  while (!isAdvised()) await new Promise((resolve) => setImmediate(resolve));
  const moments = issuing.floor.list().map(({ renewAt, renewalInfo }) => {
    return Date.parse(renewAt ?? "") - Date.parse(renewalInfo?.start ?? "");
  });
  assert.equal(new Set(moments).size, hosts.length, `${moments}`);
});
