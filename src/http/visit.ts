import { NEVER } from "../backend/deadlines.ts";
import type { FarEnd } from "../backend/far-end.ts";
import type { Backend, PathRoute } from "../config/destination.ts";
import { limits } from "../config/limits.ts";
import type { Admitted } from "./admit.ts";
import { questionOf } from "./answer.ts";
import type { FinalAnswer } from "./answer-reader.ts";
import type { Asker } from "./asker.ts";
import { BackendTimes } from "./backend-times.ts";
import { endsWithConnection, losesTrack } from "./client-writer.ts";
import { Dress } from "./dress.ts";
import { Encoding, type EncodingOwner } from "./encoding.ts";
import { Exchange } from "./exchange.ts";
import { type Fault, type Fields, fault } from "./fields.ts";
import type { AnswerWriter, BodySource, VisitOwner, VisitTools } from "./front.ts";
import type { ResponseHead } from "./head.ts";
import { writeRequestHead } from "./headers.ts";
import { backendAuthority, choosePlace, hostPlace, isRoute, onwardTarget } from "./path-route.ts";
import { Deliberation, type Verdict } from "./policy.ts";
import { type OwnAnswer, refusal } from "./refuse.ts";
import { requestIdOf } from "./request-id.ts";
import { RequestRecord } from "./request-record.ts";
import { answerAt } from "./respond.ts";
import type { Place } from "./surroundings.ts";

const LOOP = "the request comes back here again and again: what it is forwarded to leads here";

/**
 * One request and its answer, from the admitted head to the last byte, whatever protocol its client
 * speaks; then the next one of the same connection. It is the client's side of the exchange.
 */
export class Visit implements Asker, EncodingOwner {
  readonly #owner: VisitOwner;
  readonly #tools: VisitTools;
  readonly #writer: AnswerWriter;
  readonly #body: BodySource;
  readonly #exchange: Exchange;
  readonly #encoding: Encoding;
  readonly #deliberation = new Deliberation((verdict) => this.#decided(verdict));
  readonly #record: RequestRecord;
  #closesAfter = false;
  #place: Place | undefined;
  #path: PathRoute | undefined;
  readonly #dress: Dress;

  constructor(owner: VisitOwner, tools: VisitTools) {
    this.#owner = owner;
    this.#tools = tools;
    this.#writer = tools.writer;
    this.#body = tools.body;
    const times = tools.around.access && new BackendTimes();
    this.#record = new RequestRecord(tools, times);
    this.#dress = new Dress(hostPlace(tools.action).rules);
    this.#exchange = new Exchange(this, this.#record, tools.around, times);
    this.#encoding = new Encoding(this, tools.writer, tools.around.compressors);
  }

  /** A head begins to arrive: the time of the request starts here. */
  arrive(): void {
    this.#record.arrive();
  }

  /** Does what the route says. `isLast`: the connection is closed afterwards. */
  start(request: Admitted, isLast: boolean): void {
    const { action, around, sender } = this.#tools;
    this.#begin(request, isLast);
    const place = choosePlace(action, request);
    const route = place && isRoute(place) ? place : undefined;
    this.#place = place;
    this.#body.begin(request, route);
    if (place === undefined) {
      this.#answerOwn(refusal(400), "the path has several readings, as it came or rewritten");
      return;
    }
    this.#dress.enter(place.rules);
    if (around.loops.isLoop(request.head.fields)) return void this.#refuseLoop(request, route);
    const policies = around.policiesOf(place);
    if (policies.length === 0) this.#proceed(request, place);
    else {
      const requestId = requestIdOf(request.head.fields);
      this.#record.requestId = requestId;
      this.#deliberation.begin(policies, { request, place, sender, requestId });
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
    if (this.#record.isOpen) this.#end(why);
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
    if (this.#encoding.resume()) this.#exchange.resumeAnswer();
  }

  /** Gives what has come of the body to the backend. */
  pumpBody(): void {
    const broken = this.#body.pump(this.#exchange, this.#dress.edits);
    if (broken === undefined) this.#exchange.flush();
    else this.giveUp(broken);
  }

  tick(now: number): void {
    this.#exchange.tick(now);
    const isReading = this.#record.isOpen && !this.#body.isDone;
    if (isReading && now >= this.#body.deadline) this.giveUp(fault(408, "the body is too slow"));
  }

  requestHeadFor(backend: Backend): string {
    const { request } = this.#record;
    const path = this.#path;
    if (request === undefined || path === undefined) return "";
    const target = onwardTarget(path, request.target);
    const authority = backendAuthority(backend, request.authority);
    const outgoing = {
      target,
      authority,
      requestId: this.#record.requestId,
      loopLine: this.#tools.around.loops.line,
      edits: this.#dress.edits,
    };
    return writeRequestHead(request, outgoing, this.#tools.sender);
  }

  bodyWanted(): void {
    this.pumpBody();
    this.#owner.regulateReading();
  }

  answerInterim(head: ResponseHead, named: readonly string[]): void {
    const { request } = this.#record;
    if (request !== undefined) this.#writer.interim(request, head, this.#dress.removed(named));
  }

  answerBegan(head: ResponseHead, answer: FinalAnswer): void {
    const { request } = this.#record;
    if (request === undefined) return;
    const edits = this.#dress.of(head, answer.named, this.#exchange.cookieLine);
    const told = this.#encoding.begin(request, head, { answer, edits }, this.#path?.compress);
    this.#closesAfter ||= endsWithConnection(request, told.answer) || this.#mustClose(request);
    const now = this.#tools.around.dateNow();
    this.#writer.head(request, head, told.answer, this.#closesAfter, now, told.edits);
  }

  answerContent(bytes: Buffer, start: number, end: number): void {
    this.#encoding.content(bytes, start, end);
  }

  answerFlushed(): boolean {
    return this.#encoding.flush();
  }

  answerEnded(trailers: Fields | undefined): void {
    if (this.#encoding.end(trailers)) this.encodingEnded(trailers);
  }

  encodingDrained(): void {
    this.#exchange.resumeAnswer();
  }

  encodingEnded(trailers: Fields | undefined): void {
    const { request } = this.#record;
    if (request !== undefined) this.#writer.end(request, this.#dress.trailers(trailers));
    this.answerFlushed();
    this.#end(undefined);
    this.#owner.visitEnded(this.#closesAfter);
  }

  answerFailed(answer: OwnAnswer, why: string): void {
    this.#answerOwn(answer, why);
  }

  answerBroken(why: string): void {
    this.#exchange.abort();
    this.#encoding.abort();
    if (this.#writer.takeBack()) {
      this.#answerOwn(refusal(502), why);
      return;
    }
    this.abandon(why);
    this.#owner.visitBroken(this.#exchange.resetCode);
  }

  answerSwitched(head: ResponseHead, named: readonly string[], end: FarEnd, rest: Buffer): void {
    this.#writer.switched(head, named, this.#dress.of(head, named, ""));
    this.answerFlushed();
    const idleMs = this.#path?.timeouts.streamIdleMs ?? limits.tunnelIdleTimeoutMs;
    this.#rest();
    const ended = this.#record.switched(this.#dress.edits?.user, this.#exchange.backend);
    this.#owner.visitSwitched({ end, rest, idleMs, ended });
  }

  #begin(request: Admitted | undefined, isLast: boolean): void {
    this.#record.begin(request);
    this.#closesAfter = isLast || request?.keepsAlive === false;
    this.#place = undefined;
    this.#path = undefined;
    this.#dress.begin();
    this.#writer.begin();
  }

  /** 502 as RFC 9209 has it for proxy_loop_detected; it is told as any backend that fails. */
  #refuseLoop({ host }: Admitted, route: PathRoute | undefined): void {
    const [status, backends] = [502, route?.backends ?? []];
    this.#tools.around.failures.note({ host, backends, backend: undefined, status, why: LOOP });
    this.#answerOwn(refusal(status), LOOP);
  }

  #decided(verdict: Verdict): void {
    const { request } = this.#record;
    const place = this.#place;
    if (request === undefined || place === undefined) return;
    if (verdict.kind === "answer") return void this.#answerOwn(verdict.answer, verdict.why);
    this.#dress.edits = verdict.edits;
    this.#proceed(request, place);
    this.#owner.regulateReading();
  }

  #proceed(request: Admitted, place: Place): void {
    if (isRoute(place)) this.#forward(request, place);
    else this.#answerOwn(answerAt(place, request, this.#tools.around.publicHttpsPort), undefined);
  }

  #forward(request: Admitted, path: PathRoute): void {
    this.#path = path;
    if (request.contentLength > (path.maxBodyBytes ?? NEVER)) {
      this.giveUp(fault(413, "the body is larger than allowed"));
      return;
    }
    this.#record.requestId ||= requestIdOf(request.head.fields);
    const question = questionOf(request, this.#writer.tunnelStatus);
    this.#exchange.start(path, question, request.framing, this.#body.mayHaveTrailers);
    if (this.#body.isDone) this.#exchange.endBody("");
    this.pumpBody();
  }

  #mustClose(request: Admitted | undefined): boolean {
    const { isDraining, keepsAlive } = this.#tools.around;
    return isDraining || !keepsAlive || losesTrack(request, this.#body);
  }

  #answerOwn(answer: OwnAnswer, why: string | undefined): void {
    const { request } = this.#record;
    this.#closesAfter ||= this.#mustClose(request);
    const now = this.#tools.around.dateNow();
    this.#writer.own(this.#dress.own(answer), request, this.#closesAfter, now);
    this.answerFlushed();
    this.#end(why);
    this.#owner.visitEnded(this.#closesAfter);
  }

  #end(why: string | undefined): void {
    this.#rest();
    const backend = this.#path === undefined ? undefined : this.#exchange.backend;
    this.#record.end(why, this.#dress.edits?.user, backend);
  }

  #rest(): void {
    this.#deliberation.end();
    this.#encoding.abort();
  }
}
