import type { Contender } from "../contenders/contender.ts";
import { HOST, runLoad } from "../scene.ts";

/** HTTP/1.1 with keep-alive over so many connections, as fast as it goes; how many answers came, every one a 200. */
export function wrk(
  { port }: Contender,
  path: string,
  { connections, seconds }: { readonly connections: number; readonly seconds: number },
): number {
  const url = `https://${HOST}:${port}${path}`;
  const printed = runLoad("wrk", [
    "-t1",
    `-c${connections}`,
    `-d${seconds}s`,
    "--timeout",
    "60s",
    url,
  ]);
  if (/Non-2xx|Socket errors/.test(printed)) throw new Error(`Cannot compare: ${printed}`);
  return Number(/(\d+) requests in/.exec(printed)?.[1]);
}
