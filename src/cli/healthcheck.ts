import { askStatus } from "../admin/client.ts";
import { healthOf } from "../admin/health.ts";
import { messageOf } from "../base/errors.ts";
import { readConfiguration } from "./configuration.ts";

/** For the image, with the configuration file if it is not the usual one: exit code 0 while the program that runs here serves something, else 1. */
try {
  const { listen } = await readConfiguration(process.argv[2]);
  process.exitCode = healthOf(await askStatus(listen.admin)).status === "failing" ? 1 : 0;
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = 1;
}
