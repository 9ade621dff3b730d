import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { Worker } from "node:worker_threads";
import type { Latchkey } from "./latchkey.ts";

/** How a client of good will was served meanwhile. */
export interface Service {
  readonly answers: number;
  /** Why answers failed, each in words. */
  readonly failed: readonly string[];
  /** What ninety-nine of a hundred answers took at most, in milliseconds. */
  readonly p99Ms: number;
  /** The longest. */
  readonly worstMs: number;
}

/** A client of good will, in a thread of its own, so that what it waits for is the program and not the test. */
export class SteadyClient implements AsyncDisposable {
  readonly #thread: Worker;

  /** Begins to ask for the page of `host`, one request after the other; `isAnew`: each with a full handshake. */
  static async start(latchkey: Latchkey, host: string, isAnew = false): Promise<SteadyClient> {
    const ca = await readFile(latchkey.root, "utf8");
    const thread = new Worker(new URL("./steady-client-thread.ts", import.meta.url), {
      workerData: { port: latchkey.httpsPort, host, ca, isAnew },
    });
    await once(thread, "online");
    return new SteadyClient(thread);
  }

  constructor(thread: Worker) {
    this.#thread = thread;
  }

  async stop(): Promise<Service> {
    const told = once(this.#thread, "message");
    this.#thread.postMessage("stop");
    const [{ tookMs, failed }] = await told;
    const sorted: number[] = tookMs.sort((one: number, other: number) => one - other);
    const p99Ms = sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN;
    return { answers: sorted.length, failed, p99Ms, worstMs: sorted.at(-1) ?? Number.NaN };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#thread.terminate();
  }
}
