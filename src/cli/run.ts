import { messageOf } from "../base/errors.ts";
import { type Reread, supervise } from "../supervisor.ts";
import { readConfiguration } from "./configuration.ts";
import { GivenFiles } from "./given-files.ts";

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
      return await readAgain(config.file, given);
    },
  });
}

/** For SIGHUP: a file with faults, or a broken certificate, changes nothing; the faults are on standard error. */
async function readAgain(file: string, given: GivenFiles): Promise<Reread> {
  try {
    const config = await readConfiguration(file, process.env);
    return { config, remarks: await given.follow(config) };
  } catch (error) {
    process.stderr.write(`latchkey: ${messageOf(error)}\n`);
    throw error;
  }
}
