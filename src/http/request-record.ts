import type { ConnectionEnds } from "../base/connection-ends.ts";
import type { Facts } from "../base/errors.ts";
import type { Backend } from "../config/destination.ts";
import { accessFacts, askedRecord, type EndedRecord, roundedMs } from "./access-log.ts";
import type { Admitted } from "./admit.ts";
import type { Whose } from "./asker.ts";
import type { BackendTimes } from "./backend-times.ts";
import { cookieNamed } from "./cookie.ts";
import { clientOf } from "./forwarded.ts";
import type { TunnelEnded, VisitTools } from "./front.ts";
import { isGrpc } from "./grpc.ts";
import { requestIdOf } from "./request-id.ts";

/** What is known of one request after the other: each is counted when it has ended, and told in the access log. */
export class RequestRecord implements Whose {
  readonly #tools: VisitTools;
  readonly #times: BackendTimes | undefined;
  #request: Admitted | undefined;
  /** As the backend gets it; empty while nobody had to know. */
  requestId = "";
  #isOpen = false;
  #startedAt = 0;

  /** `times`: of what is forwarded. */
  constructor(tools: VisitTools, times: BackendTimes | undefined) {
    this.#tools = tools;
    this.#times = times;
  }

  /** A head begins to arrive: the time of the request starts here. */
  arrive(): void {
    this.#startedAt = performance.now();
  }

  /** `request`: `undefined` when it could not be read. */
  begin(request: Admitted | undefined): void {
    this.#tools.counts.began();
    this.#isOpen = true;
    this.#request = request;
    this.requestId = "";
  }

  /** Has it begun, and not ended? */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Until it ends. */
  get request(): Admitted | undefined {
    return this.#request;
  }

  /** What it is for, or its connection. */
  get host(): string {
    return this.#request?.host ?? this.#tools.host;
  }

  /** Who asks, behind proxies that are trusted. */
  get clientAddress(): string {
    const { sender } = this.#tools;
    return this.#request === undefined
      ? sender.address
      : clientOf(this.#request.head.fields, sender);
  }

  get ends(): ConnectionEnds | undefined {
    return this.#tools.sender.ends;
  }

  get sendsMessages(): boolean {
    return this.#request !== undefined && isGrpc(this.#request.head.fields);
  }

  cookieNamed(name: string): string | undefined {
    return this.#request && cookieNamed(this.#request.head.fields, name);
  }

  /**
   * To be called once for each {@link begin}, unless {@link switched} is.
   *
   * @param why Why it did not end well, in our words.
   * @param user Whose password was right.
   */
  end(why: string | undefined, user: string | undefined, backend: Backend | undefined): void {
    const { around, writer } = this.#tools;
    const { status, bytesOut } = writer;
    const [durationMs, bytesIn] = [this.#tookMs, this.#bytesIn];
    this.#count(status, durationMs);
    around.access?.(this.#facts({ status, bytesIn, bytesOut, durationMs, user, backend, why }));
    this.#request = undefined; // an idle connection does not hold on to its last head
  }

  /**
   * It has become a tunnel: it is counted now, and told when that is over. The client of HTTP/2 sees another
   * status (RFC 8441 §5), which says nothing to who reads the log.
   */
  switched(user: string | undefined, backend: Backend | undefined): TunnelEnded {
    const { around, counts } = this.#tools;
    const startedAt = this.#startedAt;
    const told = { status: 101, bytesIn: 0, bytesOut: 0, durationMs: 0, user, backend };
    this.#count(told.status, this.#tookMs);
    // A copy: a piece of the head would keep all of it in memory for as long as the tunnel lasts.
    const facts = around.access && structuredClone(this.#facts({ ...told, why: undefined }));
    this.#request = undefined;
    return (bytesIn, bytesOut, why) => {
      counts.tunnelled(bytesIn, bytesOut);
      const durationMs = roundedMs(performance.now() - startedAt);
      if (facts !== undefined) around.access?.({ ...facts, bytesIn, bytesOut, durationMs, why });
    };
  }

  #facts(ended: EndedRecord): Facts {
    const request = this.#request;
    const requestId = this.requestId || (request && requestIdOf(request.head.fields));
    const asked = askedRecord(request, this.#tools, requestId);
    const times = ended.backend && this.#times;
    return accessFacts(asked, ended, times, this.#tools.around.tellsQuery);
  }

  #count(status: number, durationMs: number): void {
    this.#isOpen = false;
    const { counts, writer } = this.#tools;
    counts.ended(this.#request?.method, status, durationMs, this.#bytesIn, writer.bytesOut);
  }

  get #tookMs(): number {
    return performance.now() - this.#startedAt;
  }

  get #bytesIn(): number {
    return this.#request === undefined ? 0 : this.#tools.body.received;
  }
}
