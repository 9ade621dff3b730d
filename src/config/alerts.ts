import type { WrittenAlerts } from "./alerts-schema.ts";
import type { Alerts } from "./config.ts";
import { limits } from "./limits.ts";
import { readWebhookUrl } from "./locations.ts";
import { readSecretAt, type WrittenSecret } from "./secret.ts";
import type { Desk } from "./surroundings.ts";

/** Of the part of the life at which renewals begin: one that comes late by so much is in trouble. */
const LATE = 0.75;

/**
 * Who is told, with the secret looked up and the program's path made whole.
 *
 * @param renewAt With renewals that begin later than usual, nobody is told before they had time to fail.
 */
export function readAlerts(
  written: WrittenAlerts = {},
  renewAt: "auto" | number,
  desk: Desk,
): Alerts {
  const late = renewAt === "auto" ? 1 : renewAt * LATE;
  const { webhook, exec, expiresWithin } = written;
  return {
    webhook: webhook && readWebhookAt(webhook, desk),
    exec: exec && readCommand(exec, desk),
    expiresWithin: expiresWithin ?? Math.min(limits.alertExpiresWithin, late),
  };
}

/** A program with a `/` in it is relative to the file; any other is looked for on the PATH. */
export function readCommand(
  [program = "", ...args]: readonly string[],
  desk: Desk,
): readonly string[] {
  return [program.includes("/") ? desk.resolve(program) : program, ...args];
}

function readWebhookAt(written: WrittenSecret, desk: Desk): string | undefined {
  const path = ["alerts", "webhook"];
  const text = readSecretAt(written, path, desk);
  if (text === "") return undefined; // told already, or not looked up
  const url = readWebhookUrl(text);
  if (url.ok) return url.value;
  desk.report(path, url.why);
  return undefined;
}
