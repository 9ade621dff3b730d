import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { inRecords, makeHello, serverName } from "./hello-bytes.ts";

/** A flood of ClientHellos for names that nobody has. */
export interface Flood {
  readonly port: number;
  readonly names: Iterable<string>;
  /** Addresses of loopback to come from, in turn. */
  readonly clients?: readonly string[];
  /** Connections at once. */
  readonly atOnce?: number;
}

/** How many connections ended with each alert; 0 stands for those that ended without one. */
export type Alerts = Readonly<Record<number, number>>;

/** Where the number stands in an alert record (RFC 8446 §6): after the record's head and the level. */
const ALERT_RECORD = 21;
const ALERT_NUMBER_AT = 6;
const PATIENCE_MS = 60_000;

/** Sends a hello for each name, a connection each, and counts how they end. */
export async function flood({
  port,
  names,
  clients = ["127.0.0.1"],
  atOnce = 50,
}: Flood): Promise<Alerts> {
  const queue = names[Symbol.iterator]();
  const alerts: Record<number, number> = {};
  let sent = 0;
  const send = async () => {
    for (let next = queue.next(); !next.done; next = queue.next()) {
      const localAddress = clients[sent++ % clients.length] ?? "127.0.0.1";
      const alert = await alertFor(next.value, { port, localAddress });
      alerts[alert] = (alerts[alert] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: atOnce }, send));
  return alerts;
}

/** The alert that a hello for `name` ends with, 0 for none. */
export function alertFor(
  name: string,
  { port, localAddress }: { readonly port: number; readonly localAddress: string },
): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const socket = connect({ port, host: "127.0.0.1", localAddress, noDelay: true });
  let answer = Buffer.alloc(0);
  socket.setTimeout(PATIENCE_MS, () => socket.destroy(new Error(`No answer about ${name}`)));
  socket.on("connect", () =>
    socket.write(inRecords(makeHello({ extensions: [serverName(name)] }))),
  );
  socket.on("data", (bytes: Buffer) => {
    answer = Buffer.concat([answer, bytes]);
  });
  socket.on("end", () => socket.destroy());
  socket.on("error", reject);
  socket.on("close", () => {
    const isAlert = answer[0] === ALERT_RECORD;
    resolve(isAlert ? (answer[ALERT_NUMBER_AT] ?? 0) : 0);
  });
  return promise;
}

/** Memory of a process that only it has (RssAnon), in MiB. */
export async function privateMiB(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const kib = /^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1];
  if (kib === undefined) throw new Error(`No RssAnon of ${pid}`);
  return Number(kib) / 1_024;
}

/** Memory is given back in a program's own time. */
const SETTLE_MS = 30_000;
const LOOK_MS = 100;

/** How many MiB the process has more than `before`: when that is no more than `bound`, or stays for so long. */
export async function leftMiB(pid: number, before: number, bound: number): Promise<number> {
  const until = performance.now() + SETTLE_MS;
  for (;;) {
    const left = (await privateMiB(pid)) - before;
    if (left <= bound || performance.now() > until) return left;
    await sleep(LOOK_MS);
  }
}
