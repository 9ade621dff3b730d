import { after } from "node:test";
import { Latchkey } from "./latchkey.ts";

/** What a file brings to the program that it shares with others. */
export interface Share {
  /** Lines of the map `hosts`, each with its indentation; no other file may bring these hosts. */
  readonly hosts: string;
  /** 1, unless all that share it want another number. */
  readonly workers?: number;
  /** Lines beside `hosts`, which the other files must be able to live with. */
  readonly top?: string;
  /** In place of free ports, YAML text of `listen:`; of one file at most. */
  readonly listen?: string;
  readonly env?: Readonly<Record<string, string>>;
}

const shares: Share[] = [];
let running: Promise<Latchkey> | undefined;

after(async () => {
  await (await running)?.[Symbol.asyncDispose]();
});

/**
 * One program for the hosts of all files of a process, since its start takes a processor for two seconds. Called while a
 * file is loaded, which happens to all of them before the first test; what it returns is for `beforeEach` (a `before` does
 * not wait for the other files): resolves with the running program. A file that is run by itself has the program for itself.
 */
export function share(brought: Share): () => Promise<Latchkey> {
  if (running !== undefined) throw new Error("Cannot share: the program is running already");
  shares.push(brought);
  return () => {
    running ??= start();
    return running;
  };
}

async function start(): Promise<Latchkey> {
  const tops = shares.map(({ top = "" }) => top);
  const hosts = shares.map((each) => each.hosts);
  const env = Object.assign({}, ...shares.map((each) => each.env));
  const listen = shares.find((each) => each.listen !== undefined)?.listen;
  const config = [`workers: ${shares[0]?.workers ?? 1}`, ...tops, "hosts:", ...hosts].join("\n");
  return await Latchkey.start({ config, env, ...(listen === undefined ? {} : { listen }) });
}
