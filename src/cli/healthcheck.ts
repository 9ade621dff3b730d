import { askStatus } from "../admin/client.ts";
import { messageOf } from "../base/errors.ts";
import { readConfiguration } from "./configuration.ts";

/** For the image: exit code 0 when the program that runs here has a worker that serves, else 1. */
try {
  const { listen } = await readConfiguration(undefined);
  const { workers } = await askStatus(listen.admin);
  process.exitCode = workers.some(({ ready }) => ready) ? 0 : 1;
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = 1;
}
