import { setImmediate as turn } from "node:timers/promises";
import { handshake } from "./visit.ts";

/** Visitors that come as long as it lasts; disposed of at the latest at the end of its test. */
export interface Load extends AsyncDisposable {
  /** Ends it, with what it was like. */
  stop(): Promise<LoadReport>;
}

export interface LoadReport {
  readonly count: number;
  /** Why handshakes failed, each in words. */
  readonly failed: readonly string[];
  /** The serials that were served, by host, in the order in which they appeared. */
  readonly seen: ReadonlyMap<string, ReadonlySet<string>>;
}

/** Two at once is what leaves the machine to the program. */
const VISITORS = 2;

/** Handshakes one after another with each host in turn, each verified against `root`, until it is stopped. */
export function startLoad(port: number, hosts: readonly string[], root: string): Load {
  const seen = new Map(hosts.map((host) => [host, new Set<string>()]));
  const failed: string[] = [];
  let [count, isOver] = [0, false];
  const visitor = async () => {
    while (!isOver) {
      const host = hosts[count % hosts.length] ?? "";
      count += 1;
      try {
        seen.get(host)?.add((await handshake(port, host, root)).serial);
      } catch (error) {
        failed.push(`${host}: ${error}`);
      }
      await turn();
    }
  };
  const visitors = Promise.all(Array.from({ length: VISITORS }, visitor));
  const stop = async () => {
    isOver = true;
    await visitors;
    return { count, failed, seen };
  };
  return { stop, [Symbol.asyncDispose]: async () => void (await stop()) };
}
