import assert from "node:assert/strict";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { after, test } from "node:test";
import { Journal, shell, sudoLines, unit } from "../support/systemd.ts";

const CONFIG = "/etc/latchkey/latchkey.yaml";
const SHOP = "shop.localhost";
/** Not what a machine apart can do: packages, and an editor. */
const NOT_HERE = /apt-get|npm ci|sudoedit/;
const steps = sudoLines("A VPS in five minutes").filter((line) => !NOT_HERE.test(line));
const upTo = steps.findIndex((line) => line.includes("/etc/systemd/system/"));

function configure(...hosts: readonly string[]): void {
  const lines = hosts.map((host) => `  ${host}: { respond: "here is ${host}" }\n`);
  writeFileSync(CONFIG, `workers: 1\nacme: { issuers: [internal] }\nhosts:\n${lines.join("")}`);
}

/** What a visitor of this machine is answered, who trusts the internal authority. */
const visit = (host: string) =>
  shell(
    `curl -sS --cacert /var/lib/latchkey/authority/root.pem --resolve ${host}:443:127.0.0.1 https://${host}/`,
  );

const event = (name: string, host?: string) => [
  `"event":"${name}"`,
  ...(host === undefined ? [] : [`"host":"${host}"`]),
];

const journal = new Journal("latchkey");
after(() => journal[Symbol.dispose]());

test("README's steps for a VPS lead from nothing to a site", async () => {
  for (const step of steps.slice(0, upTo)) {
    if (step.includes(" check ")) configure(SHOP);
    await shell(step);
  }
  for (const step of steps.slice(upTo)) {
    if (step.includes(" certs ")) await journal.line(...event("certificate.swapped", SHOP));
    const printed = await shell(step);
    if (step.includes(" certs ")) assert.match(printed, new RegExp(`^${SHOP} +valid`, "m"));
  }
  assert.equal(await visit(SHOP), `here is ${SHOP}`);
});

test("The unit is what systemd understands, and gives away little", async () => {
  assert.equal(await shell("systemd-analyze verify /etc/systemd/system/latchkey.service 2>&1"), "");
  const report = await shell("systemd-analyze security --no-pager latchkey");
  const [, exposure] = /Overall exposure level for latchkey\.service: ([\d.]+)/.exec(report) ?? [];
  assert.ok(Number(exposure) <= 2, report.slice(-200));
});

test("All processes of the service are the user's, who may bind low ports and nothing more", async () => {
  const main = await unit("latchkey");
  const pids = readFileSync(
    `/sys/fs/cgroup${await controllerOf()}${main.get("ControlGroup")}/cgroup.procs`,
    "utf8",
  )
    .trim()
    .split("\n");
  assert.equal(pids.length, 3);
  const { uid } = statSync("/var/lib/latchkey");
  for (const pid of pids) {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    assert.match(status, new RegExp(`^Uid:\\s${uid}\\s${uid}\\s${uid}\\s`, "m"));
    assert.match(status, /^CapEff:\s0*[04]00$/m);
    assert.match(status, /^NoNewPrivs:\s1$/m);
    assert.match(status, /^Seccomp:\s2$/m);
  }
});

test("A reload takes the new configuration", async () => {
  configure(SHOP, "api.localhost");
  await shell("systemctl reload latchkey");
  await journal.line(...event("certificate.swapped", "api.localhost"));
  assert.equal(await visit("api.localhost"), "here is api.localhost");
});

test("What is killed is started again, and serves what it has stored", async () => {
  const before = (await unit("latchkey")).get("MainPID");
  assert.ok(Number(before) > 0);
  await shell(`kill -9 ${before}`);
  await journal.line(...event("process.started"));
  assert.notEqual((await unit("latchkey")).get("MainPID"), before);
  assert.equal(await visit(SHOP), `here is ${SHOP}`);
});

test("With the socket units a visitor who comes while the service is stopped is answered", async () => {
  await shell("cp config/latchkey-https.socket config/latchkey-http.socket /etc/systemd/system/");
  await shell("systemctl daemon-reload && systemctl stop latchkey");
  await shell("systemctl enable --now latchkey-https.socket latchkey-http.socket");
  assert.equal((await unit("latchkey")).get("ActiveState"), "inactive");
  assert.equal(await visit(SHOP), `here is ${SHOP}`);
  const redirect = await shell(`curl -sSI http://127.0.0.1/ -H "Host: ${SHOP}"`);
  assert.match(redirect, new RegExp(`^location: https://${SHOP}/`, "im"));
});

test("With the socket units a restart refuses nobody", async () => {
  const restarting = shell("systemctl restart latchkey");
  assert.equal(await visit(SHOP), `here is ${SHOP}`);
  await restarting;
  assert.equal(await visit(SHOP), `here is ${SHOP}`);
});

test("A configuration with faults ends the start with 2, and no other start is tried", async () => {
  writeFileSync(CONFIG, "hosts: 7\n");
  await shell("systemctl restart latchkey");
  await journal.line("Failed with result");
  const shown = await unit("latchkey");
  assert.equal(shown.get("ExecMainStatus"), "2");
  assert.equal(shown.get("ActiveState"), "failed");
  assert.match(journal.text, /latchkey\.yaml:1:\d+: hosts: /);
});

/** Where the groups of systemd are: in a folder of their own beside those of cgroup v1, or at the top. */
async function controllerOf(): Promise<string> {
  const folders = await shell("ls /sys/fs/cgroup");
  return /^unified$/m.test(folders) ? "/unified" : /^systemd$/m.test(folders) ? "/systemd" : "";
}
