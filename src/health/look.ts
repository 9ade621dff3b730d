import type { BackendConnection, BackendUser } from "../backend/connection.ts";
import { dial } from "../backend/dial.ts";
import { failureOf } from "../backend/failure.ts";
import type { BackendNames } from "../backend/names.ts";
import { systemNames } from "../backend/system-names.ts";
import type { Log } from "../base/log.ts";
import type { Backend, HealthCheck } from "../config/destination.ts";
import { limits } from "../config/limits.ts";
import { readResponseHead } from "../http/head.ts";
import { type AskingUser, Http2Asking } from "./http2-asking.ts";

/** Whom a look is at, and how. */
export interface Target {
  readonly backend: Backend;
  /** Value of Host: what requests of visitors have. */
  readonly authority: string;
  readonly check: HealthCheck;
}

/** What one look saw; `why` is for operators. */
export interface Look {
  readonly isGood: boolean;
  readonly why: string;
}

/** {@link look} with names of its own. */
export function looker(log: Log): (target: Target, signal: AbortSignal) => Promise<Look> {
  const names = systemNames(log);
  return (target, signal) => look(target, signal, names);
}

/**
 * Looks at a backend once, over a connection of its own that is made and verified as those of visitors
 * are. Never rejects; takes no longer than the check allows. An abort is a bad look.
 */
export async function look(
  target: Target,
  signal: AbortSignal,
  names: BackendNames,
): Promise<Look> {
  const { promise, resolve } = Promise.withResolvers<Look>();
  const looking = new Looking(target, resolve, names);
  const { timeoutMs } = target.check;
  const timer = setTimeout(() => resolve(bad(looking.slowness)), timeoutMs);
  const leave = () => resolve(bad("the program is stopping"));
  signal.addEventListener("abort", leave, { once: true });
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", leave);
    looking.close();
  }
}

/** One look under way. Owns its connection. */
class Looking implements BackendUser, AskingUser {
  readonly #target: Target;
  readonly #resolve: (look: Look) => void;
  readonly #names: BackendNames;
  #connection: BackendConnection;
  #http2: Http2Asking | undefined;
  #answer = Buffer.alloc(0);

  constructor(target: Target, resolve: (look: Look) => void, names: BackendNames) {
    this.#target = target;
    this.#resolve = resolve;
    this.#names = names;
    this.#connection = dial(target.backend, this, names);
  }

  get slowness(): string {
    const { timeoutMs } = this.#target.check;
    const what = this.#connection.hasConnected ? "answer" : "connection";
    return `no ${what} within ${timeoutMs} ms`;
  }

  close(): void {
    this.#http2?.close();
    this.#connection.destroy();
  }

  backendConnected(): void {
    const { authority, check } = this.#target;
    if (check.path === undefined) {
      this.#resolve({ isGood: true, why: "it takes connections" });
      return;
    }
    const lines = ["User-Agent: latchkey", "X-Forwarded-Proto: https", "Connection: close"];
    const head = [`GET ${check.path} HTTP/1.1`, `Host: ${authority}`, ...lines, "", ""].join(
      "\r\n",
    );
    const { backend, speaksHttp2, socket } = this.#connection;
    if (backend.kind === "h2c" || speaksHttp2)
      this.#http2 = new Http2Asking(this.#connection, head, this);
    else socket.write(head, "latin1");
  }

  http2Answered(status: number): void {
    this.#resolve(this.#judge(status));
  }

  http2Failed(why: string): void {
    this.#resolve(bad(why));
  }

  /** A backend that has chosen HTTP/2 may want HTTP/1.1 for what it is asked (RFC 9113 §7). */
  http2Refused(): void {
    if (this.#http2 === undefined) return;
    this.#http2.close();
    this.#http2 = undefined;
    this.#connection = dial(this.#target.backend, this, this.#names, undefined, false);
  }

  /** A 1xx before the answer is passed over; the body is nobody's business. */
  backendRead(bytes: Buffer, length: number): boolean {
    this.#answer = Buffer.concat([this.#answer, bytes.subarray(0, length)]);
    for (;;) {
      const head = readResponseHead(this.#answer, 0, this.#answer.length);
      if (head.kind === "fault") this.#resolve(bad(head.why));
      if (head.kind !== "head") break;
      if (head.status >= 200) {
        this.#resolve(this.#judge(head.status));
        break;
      }
      this.#answer = this.#answer.subarray(head.length);
    }
    if (this.#answer.length > limits.headMaxBytes) this.#resolve(bad("its answer does not end"));
    return true;
  }

  backendEnded(): void {
    this.#resolve(bad("it closed without an answer"));
  }

  backendDrained(): void {
    // The one request is a few lines: nothing waits to be written.
  }

  backendClosed(cause: Error | undefined): void {
    this.#resolve(bad(failureOf(cause, "it closed without an answer")));
  }

  #judge(status: number): Look {
    const isGood = this.#target.check.statuses.some(([from, to]) => status >= from && status <= to);
    return { isGood, why: `it answers ${status}` };
  }
}

function bad(why: string): Look {
  return { isGood: false, why };
}
