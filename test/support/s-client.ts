import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";

/** What `openssl s_client` prints, both streams, for a connection to a port of this machine that it ends at once. */
export async function sClient(port: number, ...args: readonly string[]): Promise<string> {
  const child = spawn("openssl", ["s_client", "-connect", `127.0.0.1:${port}`, ...args], {
    stdio: ["pipe", "pipe", "pipe"],
    timeout: 20_000,
  });
  // It stays for what comes after the handshake (the tickets of TLS 1.3) until the server ends.
  const printed = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  return printed[0] + printed[1];
}

/** Was the session of an earlier connection resumed? */
export function wasResumed(printed: string): boolean {
  if (/^Reused, /m.test(printed)) return true;
  if (/^New, TLS/m.test(printed)) return false;
  throw new Error(`Cannot tell whether the session was resumed: ${printed}`);
}

/** The alert number that ended the handshake, or `undefined`. */
export function alertOf(printed: string): number | undefined {
  const number = /SSL alert number (\d+)/.exec(printed)?.[1];
  return number === undefined ? undefined : Number(number);
}
