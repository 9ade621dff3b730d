import { NEVER, type Timed } from "../backend/deadlines.ts";
import type { UriHost } from "../base/uri-host.ts";
import { limits } from "../config/limits.ts";
import { admit, type Site } from "./admit.ts";
import { type ClientConnection, countsOf, isCovered, senderOf } from "./client-connection.ts";
import { type ClientListener, ClientSocket } from "./client-socket.ts";
import { ClientWriter } from "./client-writer.ts";
import { fault } from "./fields.ts";
import type { Switched, VisitOwner } from "./front.ts";
import { type RequestHead, readRequestHead } from "./head.ts";
import { Inbox } from "./inbox.ts";
import { RequestBody } from "./request-body.ts";
import type { HttpAction, Surroundings } from "./surroundings.ts";
import { Tunnel } from "./upgrade.ts";
import { Visit } from "./visit.ts";

/**
 * `head`: between requests, or in the middle of a head. `visit`: a request is being answered.
 * `rest`: it was answered before its body had come; the rest of that is read for nobody.
 */
type Phase = "head" | "visit" | "rest" | "tunnel" | "closing";

/**
 * One client connection: its requests one after the other, answered in order. Owns the client's
 * socket. Everything happens in calls from the two sockets and from the clock's tick: a request costs
 * no timer, promise, stream or closure of its own.
 */
export class Conversation implements ClientListener, Site, Timed, VisitOwner {
  readonly host: UriHost;
  readonly #connection: ClientConnection;
  readonly #around: Surroundings;
  readonly #ended: (conversation: Conversation) => void;
  readonly #client: ClientSocket;
  readonly #inbox = new Inbox();
  readonly #body: RequestBody;
  readonly #writer: ClientWriter;
  readonly #visit: Visit;
  #phase: Phase = "head";
  #isAdvancing = false;
  #hasPartialHead = false;
  #hasEnded = false;
  #served = 0;
  #deadline: number;
  #tunnel: Tunnel | undefined;
  watch: Timed["watch"] = undefined;

  /** `ended` is called once, when the socket is closed. */
  constructor(
    connection: ClientConnection,
    action: HttpAction,
    around: Surroundings,
    ended: (conversation: Conversation) => void,
  ) {
    this.host = connection.host;
    this.#connection = connection;
    this.#around = around;
    this.#ended = ended;
    const { socket, carrier } = connection;
    this.#client = new ClientSocket(socket, this, around.deadlines, carrier);
    this.#body = new RequestBody(this.#inbox, around.deadlines);
    this.#writer = new ClientWriter(this.#client);
    this.#visit = new Visit(this, {
      host: connection.host,
      action,
      body: this.#body,
      writer: this.#writer,
      sender: senderOf(connection, around),
      counts: countsOf(connection, around),
      around,
    });
    this.#deadline = around.deadlines.in(limits.keepAliveTimeoutMs);
    around.deadlines.watch(this);
  }

  /** Answers what has come: head → gate → visit (route, forward, answer) → keep or close. */
  #advance(): void {
    if (this.#isAdvancing) return; // a visit that ends at once comes back here: the loop goes on
    this.#isAdvancing = true;
    while (this.#phase === "head" && this.#inbox.size > 0 && !this.#client.isFull) {
      const head = this.#readHead();
      if (head === undefined) break;
      const request = admit(head, this);
      this.#phase = "visit";
      if (request.kind === "fault") this.#visit.refuse(request);
      else this.#visit.start(request, this.#isLast());
    }
    this.#isAdvancing = false;
    this.regulateReading();
  }

  #readHead(): RequestHead | undefined {
    const inbox = this.#inbox;
    if (!this.#hasPartialHead) {
      this.#hasPartialHead = true;
      this.#deadline = this.#around.deadlines.in(limits.headTimeoutMs);
      this.#visit.arrive();
    }
    const head = readRequestHead(inbox.bytes, inbox.from, inbox.to);
    if (head.kind === "partial") return undefined;
    this.#hasPartialHead = false;
    if (head.kind === "head") {
      inbox.useTo(inbox.from + head.length);
      return head;
    }
    this.#phase = "visit";
    this.#visit.refuse(head);
    return undefined;
  }

  #isLast(): boolean {
    this.#served += 1;
    return this.#served >= limits.requestsPerConnectionMax || this.#around.isDraining;
  }

  visitEnded(closes: boolean): void {
    if (closes || this.#around.isDraining) {
      this.#close();
    } else if (!this.#body.isDone) {
      this.#phase = "rest";
      this.#deadline = this.#around.deadlines.in(limits.drainTimeoutMs);
      this.#readRest();
    } else {
      this.#phase = "head";
      this.#deadline = this.#around.deadlines.in(limits.keepAliveTimeoutMs);
      this.#advance();
    }
  }

  visitBroken(): void {
    if (this.#writer.status === 0) {
      // Nothing of it was said that could look whole, and answers before it may still be on their way.
      this.#close();
      return;
    }
    this.#phase = "closing";
    this.#client.abort(this.#writer.endsWithConnection);
  }

  visitSwitched(switched: Switched): void {
    this.#phase = "tunnel";
    this.#tunnel = new Tunnel(this.#client, switched, this.#around.deadlines);
    this.#client.resume();
    this.#tunnel.begin(this.#inbox.takeAll());
    if (this.#hasEnded) this.#tunnel.clientEnded();
  }

  /** Reads from the client while there is use or room for what comes, and not longer. */
  regulateReading(): void {
    if (this.#hasEnded) this.#meetEnd();
    const { size } = this.#inbox;
    const waitsForBackend = this.#phase === "visit" && !this.#body.isDone;
    if (size > 0 && (waitsForBackend || size >= limits.bufferMaxBytes)) {
      this.#body.pause();
      this.#client.pause();
    } else if (this.#client.isPaused && this.#phase !== "tunnel") {
      this.#body.resume();
      this.#client.resume();
    }
  }

  answersFor(host: UriHost): boolean {
    return isCovered(this.#connection, host, this.#around);
  }

  clientRead(bytes: Buffer, length: number): void {
    if (this.#tunnel !== undefined) {
      this.#tunnel.clientRead(bytes, length);
      return;
    }
    this.#inbox.add(bytes, length);
    try {
      this.#goOn();
    } finally {
      this.#inbox.keep(); // whatever fails: the next bytes there are another client's
    }
  }

  #goOn(): void {
    if (this.#phase === "head") {
      this.#advance();
    } else if (this.#phase === "rest") {
      this.#readRest();
    } else {
      if (!this.#body.isDone) this.#visit.pumpBody();
      this.regulateReading();
    }
  }

  clientEnded(): void {
    this.#hasEnded = true;
    if (this.#tunnel !== undefined) this.#tunnel.clientEnded();
    else this.#meetEnd();
  }

  /**
   * The client's end counts when all that it said before is used. With TLS it comes in the same turn as
   * that, paused or not: a body may still wait for its backend then, and requests for those before them.
   */
  #meetEnd(): void {
    const isUsedUp = this.#inbox.size === 0 || this.#hasPartialHead;
    if (!isUsedUp || this.#phase === "closing" || this.#phase === "tunnel") return;
    if (this.#phase === "visit") this.#visit.clientEnded();
    else this.#close();
  }

  clientDrained(): void {
    if (this.#tunnel !== undefined) this.#tunnel.clientDrained();
    else if (this.#phase === "visit") this.#visit.resume();
    else this.#advance();
  }

  clientClosed(why: string | undefined): void {
    const cut = why ?? this.#around.blamed;
    this.#visit.abandon(cut ?? "the client left");
    this.#tunnel?.clientClosed(cut);
    this.#phase = "closing";
    this.#around.deadlines.forget(this);
    this.#ended(this);
  }

  tick(now: number): void {
    this.#client.tick(now);
    this.#visit.tick(now);
    this.#tunnel?.tick(now);
    if (now < this.#deadline || this.#phase === "visit" || this.#phase === "tunnel") return;
    if (!this.#hasPartialHead) {
      this.#close();
      return;
    }
    this.#phase = "visit";
    this.#visit.refuse(fault(408, "the head is too slow"));
  }

  /**
   * No more requests: closes now if between two, else after the answer to the current one. A
   * connection that was just made gets one answered: its request is on the way with its handshake,
   * and a client that was accepted must not go away with nothing.
   */
  drain(): void {
    if (this.#phase !== "head" || this.#hasPartialHead) return;
    if (this.#served > 0) this.#close();
    else this.#deadline = this.#around.deadlines.in(limits.firstRequestTimeoutMs);
  }

  /** While it waits for a request: until when. The longest idle one waits least. */
  get idleUntil(): number | undefined {
    return this.#phase === "head" && !this.#hasPartialHead ? this.#deadline : undefined;
  }

  /** Closes if it still waits for a request. */
  closeIdle(): void {
    if (this.idleUntil !== undefined) this.#close();
  }

  /** Closes at once, whatever is under way. */
  destroy(): void {
    this.#client.abort(this.#writer.endsWithConnection);
  }

  #readRest(): void {
    if (!this.#body.discard()) this.#close();
    else if (this.#body.isDone) this.visitEnded(false);
    else this.regulateReading();
  }

  #close(): void {
    this.#phase = "closing";
    this.#hasPartialHead = false;
    this.#deadline = NEVER;
    this.#inbox.clear();
    this.#client.close();
  }
}
