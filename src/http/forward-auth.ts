import type { Timed } from "../backend/deadlines.ts";
import type { Auth } from "../config/auth.ts";
import type { Backend, PathRoute } from "../config/destination.ts";
import { limits } from "../config/limits.ts";
import type { FinalAnswer } from "./answer-reader.ts";
import type { Asker, Whose } from "./asker.ts";
import type { Backends } from "./backends.ts";
import { Exchange } from "./exchange.ts";
import type { ResponseHead } from "./head.ts";
import { answerLines, writeRequestHead } from "./headers.ts";
import { backendAuthority } from "./path-route.ts";
import { type HeadEdits, type Petition, type Policy, refused, type Verdict } from "./policy.ts";
import type { OwnAnswer } from "./refuse.ts";

type ForwardAuth = Extract<Auth, { kind: "forward" }>;

const TOO_LARGE = "the answer of the service that decides is too large";
/**
 * Fields of the request that say nothing about who sent it: what they ask of the backend (a part, only
 * if changed, a WebSocket) the service shall not do. The last two are ours.
 */
const NOT_ASKED: readonly string[] = [
  "content-encoding",
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-range",
  "if-unmodified-since",
  "range",
  "sec-websocket-extensions",
  "sec-websocket-key",
  "sec-websocket-protocol",
  "sec-websocket-version",
  "x-forwarded-method",
  "x-forwarded-uri",
];

/** Questions of one worker to services that decide who may in. */
export class ForwardAuthDesk {
  readonly backends: Backends;
  /** How many are under way. */
  open = 0;

  constructor(backends: Backends) {
    this.backends = backends;
  }
}

/**
 * Asks a service about each request, by a GET that tells it the request's method, target, host, client and
 * fields, without its body. 2xx lets it pass, with the fields that the service vouches for; any other answer
 * is the client's. Without a whole answer nobody passes. `vouched`: fields that nobody else may send.
 */
export function forwardAuth(
  auth: ForwardAuth,
  vouched: readonly string[],
  desk: ForwardAuthDesk,
): Policy {
  const route = routeTo(auth);
  return (petition) => {
    if (desk.open >= limits.forwardAuthMax)
      return refused(503, "too many requests wait to be let in", "Retry-After: 1\r\n");
    return {
      kind: "wait",
      decide: (signal) => new Question(auth, vouched, petition, desk).ask(route, signal),
    };
  };
}

/** One question: the client's side of its exchange, whose connections are those of all backends. */
class Question implements Asker, Whose, Timed {
  readonly #auth: ForwardAuth;
  readonly #vouched: readonly string[];
  readonly #petition: Petition;
  readonly #desk: ForwardAuthDesk;
  readonly #exchange: Exchange;
  readonly #deadline: number;
  readonly #verdict = Promise.withResolvers<Verdict>();
  #isOver = false;
  #head: ResponseHead | undefined;
  #named: readonly string[] = [];
  #body: Buffer[] = [];
  #bytes = 0;

  constructor(
    auth: ForwardAuth,
    vouched: readonly string[],
    petition: Petition,
    desk: ForwardAuthDesk,
  ) {
    this.#auth = auth;
    this.#vouched = vouched;
    this.#petition = petition;
    this.#desk = desk;
    this.#exchange = new Exchange(this, this, desk.backends);
    this.#deadline = desk.backends.deadlines.in(auth.timeoutMs);
  }

  /** Never rejects. Aborting `signal` ends the question, and what it answers then matters to nobody. */
  ask(route: PathRoute, signal: AbortSignal): Promise<Verdict> {
    this.#desk.open += 1;
    this.#desk.backends.deadlines.watch(this);
    signal.addEventListener("abort", () => this.#break(503, "the client left"), { once: true });
    this.#exchange.start(route, { method: "GET", webSocketKey: undefined }, "none");
    if (this.#isOver) return this.#verdict.promise;
    this.#exchange.endBody("");
    this.#exchange.flush();
    return this.#verdict.promise;
  }

  tick(now: number): void {
    if (now >= this.#deadline) this.#fail(504, "the service that decides takes too long");
    else this.#exchange.tick(now);
  }

  requestHeadFor(backend: Backend): string {
    const { request, sender, requestId } = this.#petition;
    const asking = {
      ...request,
      method: "GET",
      framing: "none",
      contentLength: 0,
      expectsContinue: false,
      webSocketKey: undefined,
      takesTrailers: false,
    } as const;
    const outgoing = {
      target: this.#auth.target,
      authority: backendAuthority(backend, request.authority),
      requestId,
      loopLine: this.#desk.backends.loops.line,
      edits: {
        removed: [...NOT_ASKED, ...this.#vouched],
        lines: `X-Forwarded-Method: ${request.method}\r\nX-Forwarded-Uri: ${request.target}\r\n`,
      },
    };
    return writeRequestHead(asking, outgoing, sender);
  }

  bodyWanted(): void {
    // There is none.
  }

  answerInterim(): void {
    // The client hears of the final answer alone.
  }

  answerBegan(head: ResponseHead, { named }: FinalAnswer): void {
    this.#head = head;
    this.#named = named;
  }

  answerContent(bytes: Buffer, start: number, end: number): void {
    this.#bytes += end - start;
    const isKept = this.#head !== undefined && !isYes(this.#head);
    if (isKept && this.#bytes <= limits.forwardAuthBodyMaxBytes)
      this.#body.push(Buffer.from(bytes.subarray(start, end)));
  }

  answerFlushed(): boolean {
    if (this.#bytes <= limits.forwardAuthBodyMaxBytes) return true;
    // Not from within a read of the exchange, which goes on after this call.
    queueMicrotask(() => this.#fail(502, TOO_LARGE));
    return false;
  }

  answerEnded(): void {
    const head = this.#head;
    if (head === undefined || this.#isOver) return;
    if (this.#bytes > limits.forwardAuthBodyMaxBytes) {
      this.#fail(502, TOO_LARGE);
      return;
    }
    this.#verdict.resolve(
      isYes(head) ? { kind: "pass", edits: this.#editsOf(head) } : this.#refusalOf(head),
    );
    this.#over();
  }

  answerSwitched(): void {
    this.#fail(502, "the service that decides switches protocols");
  }

  get host(): string {
    return this.#petition.request.host;
  }

  /** The one service is chosen by nothing of the client. */
  readonly clientAddress = "";
  readonly ends = undefined;

  get sendsMessages(): boolean {
    return false;
  }

  cookieNamed(): undefined {
    return undefined;
  }

  answerFailed({ status }: OwnAnswer, why: string): void {
    this.#break(status, `the service that decides: ${why}`);
  }

  answerBroken(why: string): void {
    this.#break(502, `the service that decides: ${why}`);
  }

  #refusalOf(head: ResponseHead): Verdict {
    return {
      kind: "answer",
      answer: {
        status: head.status,
        lines: answerLines(head, this.#named),
        body: Buffer.concat(this.#body),
      },
      why: `the service that decides says ${head.status}`,
    };
  }

  #editsOf({ fields }: ResponseHead): HeadEdits {
    const { copied, passesCookies } = this.#auth;
    let lines = "";
    let answerLines = "";
    for (let index = 0; index < fields.count; index += 1) {
      const name = fields.nameText(index).toLowerCase();
      if (this.#named.includes(name)) continue;
      const line = fields.text.slice(fields.lineStart(index), fields.lineStart(index + 1));
      if (copied.includes(name)) lines += line;
      if (passesCookies === true && name === "set-cookie") answerLines += line;
    }
    return { removed: this.#vouched, lines, answerLines };
  }

  /** The exchange is content, and we are not. */
  #fail(status: number, why: string): void {
    if (this.#isOver) return;
    this.#desk.backends.failures.note({
      host: this.host,
      backends: [this.#auth.service],
      backend: this.#auth.service,
      status,
      why,
    });
    this.#break(status, why);
  }

  /** Nobody passes without a yes. */
  #break(status: number, why: string): void {
    if (this.#isOver) return;
    this.#over();
    this.#exchange.abort();
    this.#verdict.resolve(refused(status, why));
  }

  #over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#desk.open -= 1;
    this.#desk.backends.deadlines.forget(this);
  }
}

function isYes({ status }: ResponseHead): boolean {
  return status < 300;
}

function routeTo({ service, timeoutMs }: ForwardAuth): PathRoute {
  return {
    prefix: "/",
    stripPrefix: false,
    backends: [service],
    balance: {
      method: "round-robin",
      weights: [1],
      maxConnections: undefined,
      slowStartMs: 0,
      ejectAfter: undefined,
    },
    health: undefined,
    timeouts: {
      connectMs: Math.min(timeoutMs, limits.backendConnectTimeoutMs),
      firstByteMs: timeoutMs,
      idleMs: timeoutMs,
    },
    maxBodyBytes: undefined,
  };
}
