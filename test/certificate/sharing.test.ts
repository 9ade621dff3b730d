import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Bell } from "../../src/base/bell.ts";
import { Holdings } from "../../src/certificate/holdings.ts";
import { Revocations } from "../../src/certificate/revocations.ts";
import { makeCertificate } from "../support/certificates.ts";
import { temporaryFolder } from "../support/folders.ts";
import { openStorage } from "../support/stored.ts";

test("files given by hand with the key of a revoked certificate are found; what is no file is not waited for", async () => {
  await using folder = await temporaryFolder();
  await using opened = await openStorage();
  const { chain, key } = makeCertificate({ names: ["shop.example"] });
  const at = (name: string) => join(folder.path, name);
  writeFileSync(at("shared"), chain);
  symlinkSync("shared", at("link"));
  writeFileSync(at("other"), makeCertificate({ names: ["shop.example"] }).chain);
  execFileSync("mkfifo", [at("pipe")]);
  symlinkSync("/dev/zero", at("zeros"));
  writeFileSync(at("large"), chain);
  truncateSync(at("large"), 100_000_000);
  const names = ["shared", "link", "other", "pipe", "zeros", "large", "missing"];
  const { storage, clock, log } = opened;
  const revocations = new Revocations({
    ...{ storage, clock, log, holdings: new Holdings(), bell: new Bell(), random: () => 0.5 },
    revoke: async () => {},
    given: () => names.map((host) => ({ host, files: { chain: at(host), key } })),
  });
  assert.deepEqual(await revocations.sharing(chain), ["shared", "link"]);
});
