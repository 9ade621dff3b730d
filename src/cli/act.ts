import { askForHost } from "../admin/client.ts";
import type { HostAction } from "../admin/host-request.ts";
import { describeEvent } from "../base/log.ts";
import { readConfiguration } from "./configuration.ts";
import { EXIT } from "./exit.ts";
import { patiently } from "./patiently.ts";

/**
 * `latchkey renew HOST`, `retry HOST`, `revoke HOST`: has the running program do it now, shows what
 * happens as it happens, and prints how it ended.
 */
export async function act(
  action: HostAction,
  host: string,
  options: { readonly config?: string; readonly reason?: string },
): Promise<number> {
  const { listen, storage } = await readConfiguration(options.config);
  const { reason } = options;
  const tell = (happened: Readonly<Record<string, unknown>>) =>
    void process.stdout.write(`${describeEvent(happened)}\n`);
  const ask = () => askForHost(listen.admin, { host, action, reason }, tell);
  const { outcome, detail } = await patiently(ask, { storage, unanswered: false });
  const isDone = outcome === "done";
  const out = isDone ? process.stdout : process.stderr;
  out.write(isDone ? `${host}: ${detail}\n` : `latchkey: Cannot ${action} ${host}: ${detail}\n`);
  return isDone ? EXIT.ok : EXIT.failed;
}
