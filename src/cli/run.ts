import { messageOf } from "../base/errors.ts";
import type { Config } from "../config/config.ts";
import { type Reread, supervise } from "../supervisor.ts";
import { type Objection, readConfiguration } from "./configuration.ts";
import { GivenFiles } from "./given-files.ts";
import { objectionsToAdmin } from "./places.ts";

/** `latchkey run`: the program in the foreground, until it is told to stop. */
export async function run(file: string | undefined): Promise<number> {
  const config = await readConfiguration(file, process.env);
  const given = new GivenFiles();
  let looked: Promise<void> | undefined;
  // Thousands of files take seconds: nobody is to wait for them but a reload.
  const look = () => (looked ??= given.begin(config));
  return await supervise({
    config,
    onReady: () => void look(),
    reload: async () => {
      await look();
      return await readAgain(config, given);
    },
  });
}

/** For SIGHUP: a file with faults, or a broken certificate, changes nothing; the faults are on standard error. */
async function readAgain(running: Config, given: GivenFiles): Promise<Reread> {
  try {
    const config = await readConfiguration(running.file, process.env, async (next, _, isWhole) =>
      isWhole ? [...objectionsToMoving(running, next), ...(await objectionsToAdmin(next))] : [],
    );
    return { config, remarks: await given.follow(config) };
  } catch (error) {
    process.stderr.write(`latchkey: ${messageOf(error)}\n`);
    throw error;
  }
}

/** A slip of the pen would have everything ordered anew, in a folder that nobody meant. */
function objectionsToMoving(running: Config, { storage }: Config): readonly Objection[] {
  if (storage === running.storage) return [];
  const message = `cannot change while the program runs, wanted ${running.storage} or a restart`;
  return [{ path: ["storage"], message }];
}
