import { type ChildProcess, spawn } from "node:child_process";
import { Duplex } from "node:stream";
import { failureFacts, type Log } from "../base/log.ts";
import { limits } from "../config/limits.ts";
import { PIPE_FD } from "./channel.ts";
import { NODE_FLAGS } from "./compiled.ts";
import type { Address, Envelope, Message } from "./messages.ts";
import { Pipe } from "./pipe.ts";
import { envelope, maySay, readEnvelope } from "./read-message.ts";

/** How to start one child process, and what it is told first. */
export interface ChildPlan {
  readonly address: Address;
  /** Absolute path of its composition root. */
  readonly file: string;
  /** Flags for Node itself. */
  readonly nodeFlags: readonly string[];
  /** Descriptors it inherits, from 4 on, in this order (3 is the pipe to us). */
  readonly fds: readonly number[];
  /** Folder of compiled code that it may read. */
  readonly compiled: string | undefined;
  /** The first message. */
  readonly configure: Extract<Message, { readonly type: "configure" }>;
}

export interface ChildEvents {
  /** It can do its work. */
  ready(): void;
  /** It takes no more connections. */
  closed(): void;
  /** It says something to another process, or (`fatal`) to us. `from` of the envelope is corrected. */
  message(envelope: Envelope): void;
  /** It is gone; called once. `livedMs` is its whole life. */
  exited(how: {
    readonly code: number | undefined;
    readonly signal: string | undefined;
    readonly livedMs: number;
  }): void;
}

/** The first inherited descriptor: 0-2 are standard, 3 is the pipe. */
export const FIRST_INHERITED_FD = 4;

/** The only variables a child sees: secrets of the environment stay with the supervisor. */
const ENVIRONMENT = [
  "PATH",
  "HOME",
  "TZ",
  "LANG",
  "LC_ALL",
  "NODE_EXTRA_CA_CERTS",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "MALLOC_ARENA_MAX",
];

/** One running child process: watched by heartbeat, killed when it hangs. Never restarted: see `Fleet`. */
export class Child {
  readonly plan: ChildPlan;
  readonly startedAt: number;
  ready = false;
  /** Has it stopped taking connections? */
  closed = false;
  /** Has it been told to finish? */
  draining = false;
  /** Was it ended because its time was over, or everybody's? */
  killed = false;
  readonly #process: ChildProcess;
  /** `undefined` when the process could not be started. */
  readonly #pipe: Pipe | undefined;
  readonly #events: ChildEvents;
  readonly #log: Log;
  readonly #bornAt = performance.now();
  readonly #watch: NodeJS.Timeout;
  /** Until when it was told to finish. */
  #endsAt = Number.POSITIVE_INFINITY;
  #isReplaced = false;
  #ending: NodeJS.Timeout | undefined;
  #silentTicks = 0;
  #hasExited = false;

  constructor(plan: ChildPlan, startedAt: number, log: Log, events: ChildEvents) {
    this.plan = plan;
    this.startedAt = startedAt;
    this.#log = log;
    this.#events = events;
    const args = [...NODE_FLAGS, ...plan.nodeFlags, plan.file, plan.address];
    this.#process = spawn(process.execPath, args, {
      stdio: ["ignore", "inherit", "inherit", "pipe", ...plan.fds],
      env: environmentFor(plan),
    });
    this.#pipe = this.#openPipe();
    this.#process.on("error", (error) => {
      log.error("process.error", { child: plan.address, ...failureFacts(error) });
      if (this.#process.pid === undefined) this.#exit(undefined, undefined); // nothing else will say so
    });
    this.#process.on("close", (code, signal) => this.#exit(code ?? undefined, signal ?? undefined));
    // Counted in ticks of ours, not in time: when this very process was held up, nobody is to blame.
    this.#watch = setInterval(() => this.#tick(), limits.heartbeatEveryMs);
    this.send(plan.configure);
  }

  /** 0 when it could not be started. */
  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** Does it take connections? */
  get isServing(): boolean {
    return this.ready && !this.closed;
  }

  /** Since it was started. */
  get livedMs(): number {
    return performance.now() - this.#bornAt;
  }

  /** Sends a message of ours. */
  send(message: Message): void {
    this.pass(envelope("supervisor", this.plan.address, message));
  }

  /** Passes on an envelope as it is. A child that is gone loses it. */
  pass(passed: Envelope): void {
    this.#pipe?.send(passed);
  }

  /**
   * Tells it to finish within `deadlineMs`; it is killed a second later. Said again, the nearer end counts,
   * and the last word on its successor.
   */
  drain(deadlineMs: number, { isReplaced }: { readonly isReplaced: boolean }): void {
    const now = performance.now();
    const endsAt = Math.min(this.#endsAt, now + deadlineMs);
    if (endsAt === this.#endsAt && isReplaced === this.#isReplaced) return;
    this.#endsAt = endsAt;
    this.#isReplaced = isReplaced;
    this.draining = true;
    const leftMs = Math.round(endsAt - now);
    this.send({ type: "drain", deadlineMs: Math.max(0, leftMs), isReplaced });
    clearTimeout(this.#ending);
    this.#ending = setTimeout(() => this.kill(), leftMs + limits.heartbeatEveryMs).unref();
  }

  /** Ends it at once, whatever it is doing. */
  kill(): void {
    this.killed = true;
    this.#destroy();
  }

  #destroy(): void {
    if (!this.#hasExited) this.#process.kill("SIGKILL");
  }

  #openPipe(): Pipe | undefined {
    // Without descriptors left there are no pipes, whatever the type says.
    const socket = this.#process.stdio?.[PIPE_FD];
    if (!(socket instanceof Duplex)) return undefined;
    const isManager = this.plan.address === "manager";
    const maxBytes = isManager ? limits.messageMaxBytes : limits.workerMessageMaxBytes;
    return new Pipe(socket, maxBytes, {
      message: (value) => this.#receive(value),
      broken: () => this.#refuse(),
      closed: () => this.#lose(),
    });
  }

  /** One that says what is no message is not what we started. */
  #refuse(): void {
    this.#log.error("process.bad-message", { child: this.plan.address });
    this.#destroy();
  }

  /** Closed by its end, as a rule, which takes a moment; one that lives on without it obeys nobody. */
  #lose(): void {
    setTimeout(() => this.#destroy(), limits.heartbeatEveryMs).unref();
  }

  #receive(value: unknown): void {
    const read = readEnvelope(value);
    if (read === undefined || !maySay(this.plan.address, read.message)) {
      this.#refuse();
      return;
    }
    if (read.message.type === "heartbeat") {
      this.#silentTicks = 0;
      return;
    }
    if (read.message.type === "ready") {
      if (this.ready) return;
      this.ready = true;
      this.#events.ready();
      return;
    }
    if (read.message.type === "closed") {
      this.closed = true;
      this.#events.closed();
      return;
    }
    this.#events.message({ ...read, from: this.plan.address });
  }

  #tick(): void {
    this.#silentTicks += 1;
    const allowedMs = this.ready ? limits.heartbeatTimeoutMs : limits.readyTimeoutMs;
    if (this.#silentTicks * limits.heartbeatEveryMs < allowedMs) return;
    this.#log.error("process.hung", {
      child: this.plan.address,
      pid: this.pid,
      silentMs: allowedMs,
    });
    this.#silentTicks = 0;
    this.#destroy();
  }

  #exit(code: number | undefined, signal: string | undefined): void {
    if (this.#hasExited) return;
    this.#hasExited = true;
    clearInterval(this.#watch);
    this.#events.exited({ code, signal, livedMs: this.livedMs });
  }
}

function environmentFor({ compiled }: ChildPlan): NodeJS.ProcessEnv {
  const passed = ENVIRONMENT.flatMap((name) =>
    process.env[name] ? [[name, process.env[name]]] : [],
  );
  const code =
    compiled === undefined
      ? {}
      : { NODE_COMPILE_CACHE: compiled, NODE_COMPILE_CACHE_READONLY: "1" };
  return { ...Object.fromEntries(passed), ...code };
}
