import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { askForHost } from "../../src/admin/client.ts";
import { makeCertificate } from "../support/certificates.ts";
import { temporaryFolder } from "../support/folders.ts";
import { Latchkey } from "../support/latchkey.ts";
import { closeServer, listenAnywhere } from "../support/tls-door.ts";
import { Webhook } from "../support/webhook.ts";

const DEAD = "{ directory: https://127.0.0.1:1/directory }";
const ALERTS = "webhook: env:HOOK";

/** `old` has an issuer of its own, `new` those of the file. */
const configOf = (alerts: string, issuers: string, ofOld: string) => `
workers: 1
authority: { lifetime: 1h }
alerts: { ${alerts} }
acme: { issuers: [${issuers}] }
hosts:
  old.localhost: { respond: ok, issuer: ${ofOld} }
  new.localhost: { respond: ok }
`;
const well = configOf(ALERTS, "internal", "internal");
const troubled = configOf(`${ALERTS}, expiresWithin: 99%`, `${DEAD}, internal`, DEAD);

test("a port, a command and a certificate given by hand that are of no use are told of", async () => {
  await using webhook = await Webhook.open();
  await using folder = await temporaryFolder();
  const other = createServer();
  const taken = await listenAnywhere(other);
  const { chain, key } = makeCertificate({ names: ["other.localhost"] });
  const files = { chain: join(folder.path, "chain.pem"), key: join(folder.path, "key.pem") };
  await writeFile(files.chain, chain);
  await writeFile(files.key, key);
  await using latchkey = await Latchkey.start({
    listen: `listen: { https: ["127.0.0.1:0"], http: ["127.0.0.1:${taken}"] }`,
    config: `
workers: 1
alerts: { webhook: env:HOOK }
hosts:
  web.localhost: { respond: ok, onCertificate: ["false"] }
  own.localhost: { respond: ok, certificate: ${JSON.stringify(files)} }
`,
    env: { HOOK: webhook.url },
  });
  const severityOf = async (kind: string, of: string | null) => {
    const said = await webhook.notice(({ event, host }) => event === kind && host === of);
    assert.equal(said["state"], "begun");
    return said["severity"];
  };
  assert.equal(await severityOf("listen.failed", null), "warning");
  assert.equal(await severityOf("command.failing", "web.localhost"), "warning");
  assert.equal(await severityOf("certificate.unusable", "own.localhost"), "critical");
  await latchkey.stop();
  await closeServer(other);
});

test("a renewal that fails, a certificate that expires and an issuer that stands in for another are told of, and their ends", async () => {
  await using webhook = await Webhook.open();
  await using folder = await temporaryFolder();
  const storage = join(folder.path, "storage");
  const env = { HOOK: webhook.url };
  const notice = (kind: string, of: string, state: string) =>
    webhook.notice(
      ({ event, host, state: said }) => event === kind && host === of && said === state,
    );
  {
    const old = well.replace(/\n {2}new.*/, "");
    await using first = await Latchkey.start({ config: old, storage, env });
    await first.event("certificate.swapped");
    await first.stop();
  }
  await using latchkey = await Latchkey.start({ config: troubled, storage, env });
  const retry = (host: string) =>
    askForHost(join(storage, "admin.sock"), { host, action: "retry", reason: undefined }, () => {});
  await latchkey.event("certificate.failed", ({ host }) => host === "new.localhost");
  await retry("new.localhost");
  await latchkey.event("certificate.issued", ({ host }) => host === "new.localhost");

  const failing = await notice("renewal.failing", "old.localhost", "begun");
  assert.equal(failing["severity"], "warning");
  assert.match(String(failing["detail"]), /^ACME_UNREACHABLE: /);
  const expiring = await notice("certificate.expiring", "old.localhost", "begun");
  assert.match(
    String(expiring["message"]),
    /^The certificate of old\.localhost expires 20\d\d-.*Z$/,
  );
  const switched = await notice("issuer.switched", "new.localhost", "begun");
  assert.match(
    String(switched["message"]),
    / new\.localhost in place of https:\/\/127\.0\.0\.1:1\/directory$/,
  );

  const text = await readFile(latchkey.file, "utf8");
  await writeFile(latchkey.file, text.replace(troubled, well));
  latchkey.process.kill("SIGHUP");
  await latchkey.event("config.reloaded");
  await notice("certificate.expiring", "old.localhost", "recovered");
  await notice("issuer.switched", "new.localhost", "recovered");
  await retry("old.localhost");
  await notice("renewal.failing", "old.localhost", "recovered");
  assert.equal(await latchkey.stop(), 0);
});
