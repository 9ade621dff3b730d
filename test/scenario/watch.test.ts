import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryFolder } from "../support/folders.ts";
import { handshake } from "../support/handshakes.ts";
import { Latchkey } from "../support/latchkey.ts";

test("with `watch` a host is served once its file is there; one with a fault changes nothing until it is mended", async () => {
  await using folder = await temporaryFolder();
  const sites = join(folder.path, "sites");
  await mkdir(sites);
  const site = join(sites, "shop.yaml");
  await using latchkey = await Latchkey.start({
    config: `
workers: 1
watch: on
include: ${sites}/*.yaml
hosts: { up.localhost: { respond: ok } }`,
  });
  await writeFile(site, "hosts: { shop.localhost: { respond: ok } }\n");
  await latchkey.event("config.reloaded");
  await latchkey.event("certificate.swapped", ({ host }) => host === "shop.localhost");
  const rejected = latchkey.nextEvent("config.rejected");
  await writeFile(site, "hosts: { shop.localhost: { respnod: ok } }\n");
  assert.match(
    String((await rejected)["fault"]),
    /shop\.yaml:1:\d+: hosts\["shop\.localhost"\]\.respnod: /,
  );
  assert.notEqual(await handshake(latchkey.httpsPort, "shop.localhost"), "none");
  const reloaded = latchkey.nextEvent("config.reloaded");
  await writeFile(site, "hosts: { shop.localhost: { respond: mended } }\n");
  await reloaded;
});
