import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { temporaryFolder } from "../../support/folders.ts";
import { freePort } from "../../support/free-port.ts";
import { browse } from "../../support/visit.ts";
import type { SoloRow } from "../row.ts";

const HOST = "store.localhost";
const PATIENCE_MS = 60_000;
const LOOK_MS = 20;

/** The newcomer's second command, in a checkout without a storage, until its first site answers. */
export const npmStartRow: SoloRow = {
  lines: [
    {
      name: "npm-start",
      what: "`npm start`, to the first verified answer",
      unit: "ms",
      most: 3_000,
    },
  ],
  measure: async () => {
    await using folder = await temporaryFolder();
    const [https, http] = [await freePort(), await freePort()];
    const storage = join(folder.path, "storage");
    const config = join(folder.path, "latchkey.yaml");
    writeFileSync(config, `storage: ${storage}\n${readFileSync("config/latchkey.yaml", "utf8")}`);
    const args = ["start", "--", "--https", `${https}`, "--http", `${http}`, "--config", config];
    const startedAt = performance.now();
    // A group of its own: npm, its shell and the program end together, as by Ctrl-C.
    const child = spawn("npm", args, { stdio: "ignore", detached: true });
    try {
      await answered(https, join(storage, "authority", "root.pem"));
      return [performance.now() - startedAt];
    } finally {
      process.kill(-(child.pid ?? 0), "SIGINT");
      await once(child, "exit");
    }
  },
};

async function answered(port: number, root: string): Promise<void> {
  const giveUpAt = performance.now() + PATIENCE_MS;
  while (performance.now() < giveUpAt) {
    const page = existsSync(root)
      ? await browse(port, HOST, readFileSync(root, "utf8")).catch(() => undefined)
      : undefined;
    if (page?.status === 200) return;
    await delay(LOOK_MS);
  }
  throw new Error("Cannot measure: npm start does not answer");
}
