import type { Contender } from "../contenders/contender.ts";
import { HOST, runLoad } from "../scene.ts";

export interface H2Load {
  readonly requests: number;
  readonly clients: number;
  /** Requests at once on one connection. */
  readonly streams: number;
  /** HTTP/1.1 in place of HTTP/2. */
  readonly isHttp1?: boolean;
  /** A file that every request uploads. */
  readonly upload?: string;
  /** Requests a second of each client, in place of as many as it can. */
  readonly ratePerClient?: number;
  /** A file for a line about each request: when, status, microseconds. */
  readonly log?: string;
}

/** Makes so many requests; how many answers came, every one a 2xx. */
export function h2load({ port }: Contender, path: string, options: H2Load): number {
  const { requests, clients, streams, isHttp1, upload, ratePerClient, log } = options;
  const args = ["-n", `${requests}`, "-c", `${clients}`, "-m", `${streams}`];
  if (isHttp1) args.push("--h1");
  if (upload !== undefined) args.push("-d", upload);
  if (ratePerClient !== undefined) args.push("--rps", `${ratePerClient}`);
  if (log !== undefined) args.push("--log-file", log);
  const printed = runLoad("h2load", [...args, `https://${HOST}:${port}${path}`]);
  const answered = Number(/^status codes: (\d+) 2xx/m.exec(printed)?.[1]);
  if (answered !== requests) throw new Error(`Cannot compare: ${printed}`);
  return answered;
}
