import { setTimeout as delay } from "node:timers/promises";
import { askForReload, askStatus } from "../admin/client.ts";
import { systemClock } from "../base/clock.ts";
import { readConfiguration } from "./configuration.ts";
import { EXIT } from "./exit.ts";

/** New processes are ready within a second or two; a machine that is slower is told of. */
const READY_TIMEOUT_MS = 15_000;
const LOOK_EVERY_MS = 100;

/**
 * `latchkey reload`: has the running program read its configuration again, prints what changes or
 * every fault, and waits until the new processes serve.
 */
export async function reload(file: string | undefined): Promise<number> {
  const { listen } = await readConfiguration(file);
  const askedAt = systemClock.now();
  const answer = await askForReload(listen.admin);
  if (answer.kind === "rejected") {
    process.stderr.write(lines([...answer.faults, `latchkey: ${answer.why}`]));
    return EXIT.usage;
  }
  const { changes } = answer;
  process.stdout.write(lines(changes.length === 0 ? ["nothing has changed"] : changes));
  const isReady = await untilReady(listen.admin, askedAt);
  if (!isReady)
    process.stderr.write("latchkey: the new processes are not ready yet; see the log\n");
  return EXIT.ok;
}

/** Is every worker, and the manager that answers, of after the reload? */
async function untilReady(admin: string, askedAt: number): Promise<boolean> {
  const lastLook = systemClock.now() + READY_TIMEOUT_MS;
  while (systemClock.now() < lastLook) {
    const { workers } = await askStatus(admin).catch(() => ({ workers: [] }));
    const isNew = workers.every(
      ({ ready, startedAt }) => ready && Date.parse(startedAt) >= askedAt,
    );
    if (workers.length > 0 && isNew) return true;
    await delay(LOOK_EVERY_MS);
  }
  return false;
}

function lines(texts: readonly string[]): string {
  return texts.map((text) => `${text}\n`).join("");
}
