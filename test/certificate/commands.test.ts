import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmod, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { readCredential } from "../../src/base/credential.ts";
import { Commands } from "../../src/certificate/commands.ts";
import { type Holding, newHolding } from "../../src/certificate/records.ts";
import { configOf } from "../support/config-text.ts";
import { temporaryFolder } from "../support/folders.ts";
import { heldCertificate } from "../support/held-certificate.ts";
import { awaitedLog } from "../support/issuing.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { certificateFor, directory, named, openStorage } from "../support/stored.ts";

const HOST = named("mail.example");
const MINUTE = 60_000;

interface Issuance {
  readonly serial: string;
  readonly key: string;
  readonly folder: string;
}

/** A host with a command that writes a line for each run, and fails while `broken` is there. */
async function world() {
  const opened = await openStorage();
  const { certificates, commandRuns } = opened.storage;
  const folder = await temporaryFolder();
  const path = join(folder.path, "reload");
  const runs = join(folder.path, "runs");
  const broken = join(folder.path, "broken");
  const line = `echo "$1 $2 $3 $LATCHKEY_HOST $LATCHKEY_FOLDER $LATCHKEY_SERIAL" >> ${runs}`;
  await writeFile(
    path,
    `#!/bin/sh\n${line}\n! test -e ${broken} || { echo is broken >&2; exit 1; }\n`,
  );
  await chmod(path, 0o700);
  const config = configOf(
    `hosts: { mail.example: { certificateOnly: true, onCertificate: [${path}, now] } }`,
  );
  const clock = new ManualClock();
  const holding: Holding = newHolding(HOST, true);
  return {
    ...{ clock, holding, broken, path, runs, root: folder.path },
    /** A new certificate, stored and held; its folder. */
    async renew(): Promise<Issuance> {
      const credential = certificateFor(HOST);
      const saved = await certificates.save(HOST, credential, { issuer: directory });
      const { serial } = saved.meta;
      holding.certificate = heldCertificate({ serial });
      const name = String(saved.generation).padStart(6, "0");
      return { serial, key: credential.key, folder: join(certificates.folder, HOST, name) };
    },
    /** One life of the program, until `work` has ended. */
    async live(work: (commands: Commands, log: ReturnType<typeof awaitedLog>) => Promise<void>) {
      const log = awaitedLog();
      const stopping = new AbortController();
      const commands = new Commands({
        holdings: () => [holding],
        findHost: () => config.hosts[0],
        store: commandRuns,
        ...{ certificates, clock, log },
      });
      const running = commands.run(stopping.signal);
      await work(commands, log);
      stopping.abort();
      await running;
    },
    lines: async () => (await readFile(runs, "utf8").catch(() => "")).split("\n").slice(0, -1),
    async [Symbol.asyncDispose]() {
      await folder[Symbol.asyncDispose]();
      await opened[Symbol.asyncDispose]();
    },
  };
}

test("a command is run once for each certificate, with host and folder, and not again after a restart", async () => {
  await using mail = await world();
  const line = ({ folder, serial }: Issuance) =>
    `now ${HOST} ${folder} ${HOST} ${folder} ${serial}`;
  const first = await mail.renew();
  await mail.live(async (_commands, log) => void (await log.first("command.done")));
  assert.deepEqual(await mail.lines(), [line(first)]);
  await mail.live(async (commands) => {
    for (let look = 0; look < 3; look += 1) {
      await mail.clock.asleep(1);
      mail.clock.advance(MINUTE);
    }
    assert.deepEqual(commands.troubles(), []);
  });
  assert.deepEqual(await mail.lines(), [line(first)]);
  const second = await mail.renew();
  await mail.live(async (_commands, log) => void (await log.first("command.done")));
  assert.deepEqual(await mail.lines(), [line(first), line(second)]);
});

test("a command that copies the chain, and the key after two renewals, has a pair", async () => {
  await using mail = await world();
  const [first, second, copy] = [
    join(mail.root, "first"),
    join(mail.root, "second"),
    join(mail.root, "copy"),
  ];
  execFileSync("mkfifo", [first, second]); // what is written into one may be lost with its first reader
  await mkdir(copy);
  const takes = (file: string) => `cp "$3/${file}" ${copy}`;
  const slow = `${takes("chain.pem")}\nread chain < ${first}\nread key < ${second}\n${takes("key.pem")}`;
  await writeFile(mail.path, `#!/bin/sh\n${slow}\n`);
  const { key } = await mail.renew();
  await mail.live(async (_commands, log) => {
    await writeFile(first, "the chain is copied\n"); // opening it waits for the reader
    await mail.renew();
    await mail.renew();
    await writeFile(second, "go on\n");
    await log.first("command.done");
  });
  const copied = readCredential(
    await readFile(join(copy, "chain.pem"), "utf8"),
    await readFile(join(copy, "key.pem"), "utf8"),
  );
  assert.equal(copied.key, key);
});

test("no command is run for a certificate that is not in storage", async () => {
  await using mail = await world();
  mail.holding.certificate = heldCertificate();
  await mail.live(async (commands) => {
    await mail.clock.asleep(1);
    while (!commands.isKnown(HOST)) await new Promise(setImmediate);
    assert.deepEqual(commands.troubles(), []);
  });
  assert.deepEqual(await mail.lines(), []);
});

test("a command that fails is run again after a minute, over a restart too, and is in trouble until it ends well", async () => {
  await using mail = await world();
  await writeFile(mail.broken, "");
  await mail.renew();
  await mail.live(async (commands, log) => {
    const { facts } = await log.first("command.failed");
    assert.equal(facts["message"], "it ended with 1: is broken");
    const [trouble] = commands.troubles();
    assert.deepEqual(
      [trouble?.kind, trouble?.host, trouble?.detail, trouble?.nextAttemptAt],
      ["command.failing", HOST, "it ended with 1: is broken", mail.clock.now() + MINUTE],
    );
  });
  await mail.live(async (commands) => {
    await mail.clock.asleep(1);
    while (!commands.isKnown(HOST)) await new Promise(setImmediate);
    assert.equal(commands.troubles().length, 1);
  });
  assert.equal((await mail.lines()).length, 1);
  await rm(mail.broken);
  mail.clock.advance(MINUTE);
  await mail.live(async (commands, log) => {
    await log.first("command.done");
    assert.deepEqual(commands.troubles(), []);
  });
  assert.equal((await mail.lines()).length, 2);
});

test("no command is run while a certificate is being ordered, or is in memory only", async () => {
  await using mail = await world();
  const { serial } = await mail.renew();
  mail.holding.certificate = heldCertificate({ serial, unsaved: { chain: "", key: "" } });
  await mail.live(async () => mail.clock.asleep(1));
  mail.holding.certificate = heldCertificate({ serial });
  mail.holding.isOrdering = true;
  await mail.live(async () => mail.clock.asleep(1));
  assert.deepEqual(await mail.lines(), []);
});
