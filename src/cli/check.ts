import { describeRoutes } from "../config/describe.ts";
import { readConfiguration } from "./configuration.ts";
import { EXIT } from "./exit.ts";

/** `latchkey check`: the routing table on standard output, or every fault on standard error. */
export async function check(file: string | undefined): Promise<number> {
  const config = await readConfiguration(file, process.env);
  process.stdout.write(describeRoutes(config));
  return EXIT.ok;
}
