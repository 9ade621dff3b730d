import type { Backend } from "../config/destination.ts";
import { accessFacts, askedRecord } from "./access-log.ts";
import type { Admitted } from "./admit.ts";
import { clientOf } from "./forwarded.ts";
import type { VisitTools } from "./front.ts";

/** What is known of one request after the other: each is counted when it has ended, and told in the access log. */
export class RequestRecord {
  readonly #tools: VisitTools;
  #request: Admitted | undefined;
  /** As the backend gets it; empty while nobody had to know. */
  requestId = "";
  #isOpen = false;
  #startedAt = 0;

  constructor(tools: VisitTools) {
    this.#tools = tools;
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

  /**
   * To be called once for each {@link begin}.
   *
   * @param why Why it did not end well, in our words.
   * @param user Whose password was right.
   */
  end(why: string | undefined, user: string | undefined, backend: Backend | undefined): void {
    const { counts, around, writer, body } = this.#tools;
    const request = this.#request;
    const { status, bytesOut } = writer;
    this.#isOpen = false;
    this.#request = undefined; // an idle connection does not hold on to its last head
    const durationMs = performance.now() - this.#startedAt;
    const bytesIn = request === undefined ? 0 : body.received;
    counts.ended(request?.method, status, durationMs, bytesIn, bytesOut);
    around.access?.(
      accessFacts({
        ...askedRecord(request, this.#tools, this.requestId),
        ...{ status, bytesIn, bytesOut, durationMs, user, backend, why },
      }),
    );
  }
}
