import type { BackendConnection } from "../backend/connection.ts";
import { NEVER } from "../backend/deadlines.ts";
import { type Facts, unreachable } from "../base/errors.ts";
import type { UriHost } from "../base/uri-host.ts";
import type { Backend, Forward, PathRoute } from "../config/config.ts";
import { accessFacts } from "./access-log.ts";
import type { Admitted } from "./admit.ts";
import type { FinalAnswer } from "./answer-reader.ts";
import type { Asker } from "./asker.ts";
import type { ClientSocket } from "./client-socket.ts";
import { ClientWriter, endsWithConnection } from "./client-writer.ts";
import { Exchange } from "./exchange.ts";
import { type Fault, type Fields, fault } from "./fields.ts";
import { clientOf, type Sender } from "./forwarded.ts";
import type { ResponseHead } from "./head.ts";
import { requestIdOf, writeRequestHead } from "./headers.ts";
import type { Inbox } from "./inbox.ts";
import { backendAuthority, backendTarget, choosePath } from "./path-route.ts";
import { type OwnAnswer, refusal } from "./refuse.ts";
import { RequestBody } from "./request-body.ts";
import { redirectAnswer, respondAnswer } from "./respond.ts";
import type { HttpAction, Surroundings } from "./surroundings.ts";

/** Hears how a visit ends: exactly one of the first three, the last thing that the visit does. */
export interface VisitOwner {
  /** The answer is complete. `closes`: the client was told that the connection ends with it. */
  visitEnded(closes: boolean): void;
  /** The answer cannot be completed; the connection must not look as if it were. */
  visitBroken(): void;
  /** The client speaks WebSocket now; the owner owns the backend connection. */
  visitSwitched(connection: BackendConnection, rest: Buffer): void;
  /** Not an end: the backend takes more or less than before, and so should we from the client. */
  regulateReading(): void;
}

/** The parts of a connection that a visit works with. */
export interface VisitTools {
  readonly host: UriHost;
  readonly action: HttpAction;
  readonly client: ClientSocket;
  readonly inbox: Inbox;
  readonly sender: Sender;
  readonly around: Surroundings;
}

/**
 * One request and its answer, from the admitted head to the last byte; then the next one of the same
 * connection. Takes the body out of the inbox, and is the client's side of the exchange.
 */
export class Visit implements Asker {
  readonly #owner: VisitOwner;
  readonly #tools: VisitTools;
  readonly #writer: ClientWriter;
  readonly #body: RequestBody;
  readonly #exchange: Exchange;
  #isUnderWay = false;
  #closesAfter = false;
  #request: Admitted | undefined;
  #path: PathRoute | undefined;
  #requestId = "";
  #startedAt = 0;

  constructor(owner: VisitOwner, tools: VisitTools) {
    this.#owner = owner;
    this.#tools = tools;
    this.#writer = new ClientWriter(tools.client.socket);
    this.#body = new RequestBody(tools.around.deadlines);
    this.#exchange = new Exchange(this, tools.around);
  }

  /** The body of the request, which may outlast its answer. */
  get body(): RequestBody {
    return this.#body;
  }

  /** Would a plain close look like the end of the answer under way? */
  get endsWithConnection(): boolean {
    return this.#writer.endsWithConnection;
  }

  /** May more of the body be read from the client? */
  get takesBody(): boolean {
    return this.#exchange.takesBody;
  }

  /** A head begins to arrive: the time of the access log starts here. */
  arrive(): void {
    if (this.#tools.around.access !== undefined) this.#startedAt = performance.now();
  }

  /** Does what the route says. `isLast`: the connection is closed afterwards. */
  start(request: Admitted, isLast: boolean): void {
    const { action } = this.#tools;
    this.#begin(request, isLast);
    switch (action.kind) {
      case "forward":
        this.#forward(request, action);
        break;
      case "redirect":
        this.#body.begin(request, undefined);
        this.#answerOwn(
          redirectAnswer(action, request.target, this.#tools.around.publicHttpsPort),
          undefined,
        );
        break;
      case "respond":
        this.#body.begin(request, undefined);
        this.#answerOwn(respondAnswer(action), undefined);
        break;
      default:
        unreachable(action);
    }
  }

  /** Answers what cannot be understood: nobody knows where the next request would start. */
  refuse({ status, why }: Fault): void {
    this.#begin(undefined, true);
    this.#answerOwn(refusal(status), why);
  }

  /** The body cannot go on: says so if nothing was answered yet. */
  giveUp({ status, why }: Fault): void {
    this.#exchange.abort();
    this.#closesAfter = true;
    if (this.#writer.status === 0) this.#answerOwn(refusal(status), why);
    else this.answerBroken(why);
  }

  /** The client is gone, or must go. */
  abandon(why: string): void {
    if (this.#isUnderWay) this.#end(why);
    this.#exchange.abort();
  }

  /** The client ended its side: a whole request is still answered. */
  clientEnded(): void {
    this.#closesAfter = true;
    if (this.#body.isDone) return;
    this.abandon("the client left in the middle of its request");
    this.#owner.visitBroken();
  }

  /** The client takes more of its answer. */
  resume(): void {
    this.#exchange.resumeAnswer();
  }

  /** Gives what has come of the body to the backend. */
  pumpBody(): void {
    const { inbox } = this.#tools;
    const broken = this.#body.pump(inbox, this.#exchange);
    if (broken === undefined) this.#exchange.flush();
    else this.giveUp(broken);
  }

  tick(now: number): void {
    this.#exchange.tick(now);
    const isReading = this.#isUnderWay && !this.#body.isDone && !this.#tools.client.isPaused;
    if (isReading && now >= this.#body.deadline) this.giveUp(fault(408, "the body is too slow"));
  }

  requestHeadFor(backend: Backend): string {
    const request = this.#request;
    const path = this.#path;
    if (request === undefined || path === undefined) return "";
    const target = backendTarget(path, request.target);
    const authority = backendAuthority(backend, request.authority);
    const outgoing = { target, authority, requestId: this.#requestId };
    return writeRequestHead(request, outgoing, this.#tools.sender);
  }

  bodyWanted(): void {
    this.pumpBody();
    this.#owner.regulateReading();
  }

  answerInterim(head: ResponseHead, named: readonly string[]): void {
    if (this.#request !== undefined) this.#writer.interim(this.#request, head, named);
  }

  answerBegan(head: ResponseHead, answer: FinalAnswer): void {
    const request = this.#request;
    if (request === undefined) return;
    this.#closesAfter ||= endsWithConnection(request, answer) || this.#mustClose(request);
    this.#writer.head(request, head, answer, this.#closesAfter, this.#tools.around.dateNow());
  }

  answerContent(bytes: Buffer, start: number, end: number): void {
    this.#writer.content(bytes, start, end);
  }

  answerFlushed(): boolean {
    const takesMore = this.#writer.flush();
    if (!takesMore) this.#tools.client.expectDrain();
    return takesMore;
  }

  answerEnded(trailers: Fields | undefined): void {
    if (this.#request !== undefined) this.#writer.end(this.#request, trailers);
    this.answerFlushed();
    this.#end(undefined);
    this.#owner.visitEnded(this.#closesAfter);
  }

  answerFailed(status: 502 | 504, why: string): void {
    this.#answerOwn(refusal(status), why);
  }

  answerBroken(why: string): void {
    if (this.#writer.takeBack()) {
      this.#answerOwn(refusal(502), why);
      return;
    }
    this.abandon(why);
    this.#owner.visitBroken();
  }

  answerSwitched(
    head: ResponseHead,
    named: readonly string[],
    connection: BackendConnection,
    rest: Buffer,
  ): void {
    this.#writer.switched(head, named);
    this.answerFlushed();
    this.#end(undefined);
    this.#owner.visitSwitched(connection, rest);
  }

  #begin(request: Admitted | undefined, isLast: boolean): void {
    this.#isUnderWay = true;
    this.#request = request;
    this.#closesAfter = isLast || request?.keepsAlive === false;
    this.#path = undefined;
    this.#requestId = "";
    this.#writer.begin();
  }

  #forward(request: Admitted, { paths }: Forward): void {
    const path = choosePath(paths, request.target);
    this.#path = path;
    this.#body.begin(request, path.maxBodyBytes);
    if (request.contentLength > (path.maxBodyBytes ?? NEVER)) {
      this.giveUp(fault(413, "the body is larger than allowed"));
      return;
    }
    this.#requestId = requestIdOf(request.head.fields);
    const question = { method: request.method, webSocketKey: request.webSocketKey };
    this.#exchange.start(path, question, request.framing);
    if (this.#body.isDone) this.#exchange.endBody("");
    this.pumpBody();
  }

  /**
   * Can nobody tell what the client sends next? Without the 100 it asked for it may send its body or
   * may not; and what it sent behind a WebSocket handshake that failed need not be HTTP.
   */
  #mustClose(request: Admitted | undefined): boolean {
    if (this.#tools.around.isDraining || request?.webSocketKey !== undefined) return true;
    return request?.expectsContinue === true && !this.#body.isDone && this.#body.received === 0;
  }

  #answerOwn(answer: OwnAnswer, why: string | undefined): void {
    const { around } = this.#tools;
    const request = this.#request;
    this.#closesAfter ||= this.#mustClose(request);
    this.#writer.own(answer, request, this.#closesAfter, around.dateNow());
    this.answerFlushed();
    this.#end(why);
    this.#owner.visitEnded(this.#closesAfter);
  }

  #end(why: string | undefined): void {
    this.#isUnderWay = false;
    const { access } = this.#tools.around;
    if (access !== undefined) access(this.#facts(why));
    this.#request = undefined; // an idle connection does not hold on to its last head
  }

  #facts(why: string | undefined): Facts {
    const { host, sender } = this.#tools;
    const request = this.#request;
    return accessFacts({
      method: request?.method ?? "",
      host: request?.host ?? host,
      target: request?.target ?? "",
      status: this.#writer.status,
      bytesIn: request === undefined ? 0 : this.#body.received,
      bytesOut: this.#writer.bytesOut,
      durationMs: performance.now() - this.#startedAt,
      client: request === undefined ? sender.address : clientOf(request.head.fields, sender),
      backend: this.#path === undefined ? undefined : this.#exchange.backend,
      requestId: this.#requestId || (request && requestIdOf(request.head.fields)),
      why,
    });
  }
}
