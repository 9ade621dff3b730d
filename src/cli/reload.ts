import { realpath } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { askForReload, askStatus } from "../admin/client.ts";
import type { Snapshot } from "../admin/snapshot.ts";
import { systemClock } from "../base/clock.ts";
import { codeOf, LatchkeyError, messageOf } from "../base/errors.ts";
import type { ReloadAnswer } from "../base/reload-outcome.ts";
import type { Config } from "../config/config.ts";
import { lookAtStorage } from "../storage/look.ts";
import { readConfiguration } from "./configuration.ts";
import { EXIT } from "./exit.ts";
import { patiently } from "./patiently.ts";

/** New processes are ready within a second or two; a machine that is slower is told of. */
const READY_TIMEOUT_MS = 15_000;
const LOOK_EVERY_MS = 100;

/**
 * `latchkey reload`: has the running program read its configuration again, prints what changes or
 * every fault, and waits until the new processes serve.
 */
export async function reload(file: string | undefined): Promise<number> {
  const config = await readConfiguration(file);
  const { listen } = config;
  const askedAt = systemClock.now();
  const answer = await ask(config);
  if (answer.kind === "rejected") {
    process.stderr.write(lines([...answer.faults, `latchkey: ${answer.why}`]));
    return EXIT.usage;
  }
  if (answer.kind === "unanswered") {
    process.stderr.write(`latchkey: ${answer.why}\n`);
    return EXIT.failed;
  }
  const { changes } = answer;
  process.stdout.write(lines(changes.length === 0 ? ["nothing has changed"] : changes));
  const isReady = await untilReady(listen.admin, askedAt);
  if (!isReady)
    process.stderr.write("latchkey: the new processes are not ready yet; see the log\n");
  return EXIT.ok;
}

/** Where the program answers may be what has changed in its file. */
async function ask(config: Config): Promise<ReloadAnswer> {
  try {
    return await patiently(
      async () => {
        await confirmSameFile(config);
        return await askForReload(config.listen.admin);
      },
      { storage: config.storage, unanswered: true },
    );
  } catch (error) {
    if (codeOf(error) !== "NOT_RUNNING") throw error;
    throw new LatchkeyError("NOT_RUNNING", `${messageOf(error)}; ${await hintFor(config)}`);
  }
}

/** By another file's admin socket we may have found the program, and it will read its own. */
async function confirmSameFile({ file, listen }: Config): Promise<void> {
  const { file: running } = await askStatus(listen.admin);
  if (running === undefined || (await realPath(running)) === (await realPath(file))) return;
  throw new LatchkeyError(
    "USAGE",
    `Cannot reload ${file}: the running program reads ${running}, wanted --config ${running}, or a restart with the other file`,
  );
}

async function realPath(path: string): Promise<string> {
  return await realpath(path).catch(() => path);
}

async function hintFor({ storage }: Config): Promise<string> {
  const { folder } = await lookAtStorage(storage, { tryWriting: false, now: systemClock.now() });
  const holder = folder.kind === "there" ? folder.holder : undefined;
  return holder === undefined
    ? "a changed `storage` wants a restart of the program that uses the one before"
    : `but process ${holder.pid} on ${holder.host} uses it: after a change of \`listen.admin\` reload by SIGHUP, as \`systemctl reload latchkey\` does`;
}

/**
 * Is every worker, and the manager that answers, of after the reload? Workers of before finish what they have, which
 * may take long: they are not waited for.
 */
async function untilReady(admin: string, askedAt: number): Promise<boolean> {
  const lastLook = systemClock.now() + READY_TIMEOUT_MS;
  while (systemClock.now() < lastLook) {
    const now = await askStatus(admin).catch(() => undefined);
    if (now !== undefined && isOfAfter(now, askedAt)) return true;
    await delay(LOOK_EVERY_MS);
  }
  return false;
}

function isOfAfter({ manager, workers }: Snapshot, askedAt: number): boolean {
  const isNew = ({ startedAt }: { readonly startedAt: string }) => Date.parse(startedAt) >= askedAt;
  const serving = workers.filter(({ draining }) => !draining);
  return isNew(manager) && serving.length > 0 && serving.every((it) => it.ready && isNew(it));
}

function lines(texts: readonly string[]): string {
  return texts.map((text) => `${text}\n`).join("");
}
