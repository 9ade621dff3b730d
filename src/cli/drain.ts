import { askForDrain } from "../admin/client.ts";
import { readConfiguration } from "./configuration.ts";
import { EXIT } from "./exit.ts";
import { patiently } from "./patiently.ts";

/** `latchkey drain HOST BACKEND`, `undrain HOST BACKEND`: has the running program do it, and prints how it ended. */
export async function drain(
  host: string,
  backend: string,
  isDrained: boolean,
  file: string | undefined,
): Promise<number> {
  const { listen, storage } = await readConfiguration(file);
  const { kind, detail } = await patiently(
    () => askForDrain(listen.admin, { host, backend, isDrained }),
    { storage, unanswered: true },
  );
  if (kind === "done") {
    process.stdout.write(`${host}: ${detail}\n`);
    return EXIT.ok;
  }
  process.stderr.write(`latchkey: Cannot ${isDrained ? "drain" : "undrain"}: ${detail}\n`);
  return EXIT.failed;
}
