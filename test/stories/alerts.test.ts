import assert from "node:assert/strict";
import { once } from "node:events";
import { chmod, readFile, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { askForHost } from "../../src/admin/client.ts";
import { makeAuthority, makeCertificate } from "../support/certificates.ts";
import { temporaryFolder } from "../support/folders.ts";
import { Latchkey } from "../support/latchkey.ts";
import { Webhook } from "../support/webhook.ts";

const DEAD = "{ directory: https://127.0.0.1:1/directory }";
const hosts = (issuer: string) => `
workers: 1
hosts:
  good.localhost: { respond: ok }
  lost.localhost: { respond: ok, issuer: ${issuer} }
`;

test("an issuer at a dead port is told of once, over a restart too, and so is its recovery", async () => {
  await using webhook = await Webhook.open();
  await using folder = await temporaryFolder();
  const storage = join(folder.path, "storage");
  const alerts = "alerts: { webhook: env:HOOK }";
  const env = { HOOK: `${webhook.url}secret` };
  {
    await using latchkey = await Latchkey.start({
      config: `${alerts}${hosts(DEAD)}`,
      storage,
      env,
    });
    const begun = await webhook.notice(({ event }) => event === "issuance.failing");
    const { host, state, severity, key, detail, hint, nextAttemptAt, text: words, machine } = begun;
    assert.deepEqual([host, state, severity], ["lost.localhost", "begun", "critical"]);
    assert.equal(key, "issuance.failing lost.localhost");
    assert.match(String(detail), /^ACME_UNREACHABLE: Cannot reach 127\.0\.0\.1:1: /);
    assert.notEqual(hint, "");
    assert.match(String(nextAttemptAt), /^20\d\d-.*Z$/);
    assert.ok(
      words?.startsWith(`Trouble at ${machine}: lost.localhost has no certificate`),
      words ?? "",
    );
    const sent = await latchkey.event("alert.sent");
    assert.deepEqual([sent["alert"], sent["state"]], [key, "begun"]);
    const { status, body } = await health(storage);
    assert.deepEqual([status, body.status], [200, "degraded"]);
    const [lost] = body.hosts;
    assert.deepEqual(
      [lost.host, lost.state, lost.cause.type],
      ["lost.localhost", "failed", "ACME_UNREACHABLE"],
    );
    assert.equal(lost.nextAttemptAt, nextAttemptAt);
    assert.deepEqual(
      body.troubles.map(({ kind }: { kind: string }) => kind),
      ["issuance.failing"],
    );
    assert.ok(!JSON.stringify(latchkey.lines).includes("secret"), "the URL is a secret");
    assert.equal(await latchkey.stop(), 0);
  }
  {
    await using latchkey = await Latchkey.start({
      config: `${alerts}${hosts("internal")}`,
      storage,
      env,
    });
    const again = { host: "lost.localhost", action: "retry", reason: undefined } as const;
    await askForHost(join(storage, "admin.sock"), again, () => {});
    const recovered = await webhook.notice(({ state }) => state === "recovered");
    assert.deepEqual(
      [recovered["event"], recovered["host"]],
      ["issuance.failing", "lost.localhost"],
    );
    assert.match(String(recovered["text"]), /^Recovered at /);
    await latchkey.stop();
  }
  const states = webhook.received.map(({ event, state }) => `${event} ${state}`);
  assert.deepEqual(states, ["issuance.failing begun", "issuance.failing recovered"]);
});

test("a program is run with the facts in its environment and on its standard input, and no shell", async () => {
  await using folder = await temporaryFolder();
  const script = join(folder.path, "page");
  const out = join(folder.path, "out");
  const lines = [
    "#!/bin/sh",
    `{ echo "$1|$LATCHKEY_EVENT|$LATCHKEY_HOST|$LATCHKEY_STATE|$SECRET"; cat; } > ${out}.part`,
    `mv ${out}.part ${out}`,
  ];
  await writeFile(script, `${lines.join("\n")}\n`);
  await chmod(script, 0o700);
  const alerts = `alerts: { exec: [${script}, "me; touch ${folder.path}/owned"] }`;
  await using latchkey = await Latchkey.start({
    config: `${alerts}${hosts(DEAD)}`,
    env: { SECRET: "x" },
  });
  await latchkey.event("alert.sent");
  const [first = "", rest = ""] = (await readFile(out, "utf8")).split("\n");
  assert.equal(first, `me; touch ${folder.path}/owned|issuance.failing|lost.localhost|begun|`);
  assert.equal(JSON.parse(rest).host, "lost.localhost");
});

test("a webhook of a company's own CA is told when the program is given that CA to trust", async () => {
  await using folder = await temporaryFolder();
  const issuer = makeAuthority({ name: "Company" });
  const { chain, key } = makeCertificate({ names: ["localhost"], issuer });
  await using webhook = await Webhook.open({ chain, key });
  const trust = join(folder.path, "company.pem");
  await writeFile(trust, issuer.certificate);
  await using latchkey = await Latchkey.start({
    config: `alerts: { webhook: env:HOOK }${hosts(DEAD)}`,
    env: { HOOK: webhook.url, NODE_EXTRA_CA_CERTS: trust },
  });
  const { host } = await webhook.notice(({ event }) => event === "issuance.failing");
  assert.equal(host, "lost.localhost");
  assert.equal(latchkey.count("alert.failed"), 0);
});

test("programs that cannot be started are told of at the start", async () => {
  await using folder = await temporaryFolder();
  const letter = join(folder.path, "letter");
  await writeFile(letter, "no program\n", { mode: 0o600 });
  const mail = `mail.localhost: { certificateOnly: true, onCertificate: [${letter}] }`;
  const good = "web.localhost: { certificateOnly: true, onCertificate: [echo] }";
  await using latchkey = await Latchkey.start({
    config: `alerts: { exec: [no-such-pager] }${hosts("internal")}  ${mail}\n  ${good}\n`,
  });
  const told = await latchkey.event("program.unusable", ({ key }) => key === "onCertificate");
  assert.deepEqual([told["program"], told["why"]], [letter, "it may not be executed"]);
  const exec = await latchkey.event("program.unusable", ({ key }) => key === "alerts.exec");
  assert.deepEqual([exec["program"], exec["why"]], ["no-such-pager", "there is no such program"]);
  await latchkey.event("command.done", ({ host }) => host === "web.localhost");
  assert.equal(latchkey.count("program.unusable"), 2);
});

/** The answer to `GET /healthz`. */
async function health(storage: string) {
  const asked = request({ socketPath: join(storage, "admin.sock"), path: "/healthz" }).end();
  const [response] = await once(asked, "response");
  return { status: response.statusCode, body: JSON.parse(await text(response)) };
}
