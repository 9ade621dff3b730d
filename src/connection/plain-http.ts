import type { Socket } from "node:net";
import { Deadlines, type Timed } from "../backend/deadlines.ts";
import type { Counts } from "../base/counts.ts";
import type { Facts } from "../base/errors.ts";
import type { UriHost } from "../base/uri-host.ts";
import { limits } from "../config/limits.ts";
import { formatOrigin } from "../config/redirect-target.ts";
import { accessFacts, askedRecord } from "../http/access-log.ts";
import { type Admitted, admit, type Site } from "../http/admit.ts";
import { type ClientListener, ClientSocket } from "../http/client-socket.ts";
import { type Fault, fault } from "../http/fields.ts";
import { type RequestHead, readRequestHead } from "../http/head.ts";
import { Inbox } from "../http/inbox.ts";
import { bodyOf, type OwnAnswer, refusal, writeOwnAnswer } from "../http/refuse.ts";

/** What port 80 needs to know. */
export interface PlainHttpServices {
  /** The key authorization of a live HTTP-01 token of this very host. */
  findChallenge(host: UriHost, token: string): string | undefined;
  /** Is this name one that https answers for, or would on demand? `client`: who asks. Never rejects. */
  isServed(host: UriHost, client: string): boolean | Promise<boolean>;
  /** The port that clients reach https at. */
  readonly publicHttpsPort: number;
  /** Milliseconds since the epoch, for Date (RFC 9110 §6.6.1). */
  now(): number;
  readonly counts?: Counts;
  isTrustedProxy(address: string): boolean;
  /** Hears of every request that has ended, but of those for the answer to a challenge. */
  readonly access?: ((facts: Facts) => void) | undefined;
  /** Does it hear of queries? Not unless said. */
  readonly tellsQuery?: boolean;
}

/**
 * Answers the one request of a connection to port 80, then closes it: the key authorization of a live
 * challenge (RFC 8555 §8.3), a redirect to https, or 404 with nothing in it. Nothing else is spoken
 * here. One request only, since everything useful goes on at https. Owns the socket.
 *
 * @param client The address of who asks.
 */
export function servePlainHttp(socket: Socket, client: string, services: PlainHttpServices): void {
  if (socket.destroyed) return;
  new PlainHttp(socket, client, services);
  socket.resume(); // whoever read a PROXY header has paused it
}

/** One clock for all connections to port 80 of this process. */
const deadlines = new Deadlines();
/** The first byte of a TLS record that holds a handshake (RFC 8446 §5.1). */
const TLS_HANDSHAKE = 0x16;
/** Any well-formed name may be asked for; what it gets is decided afterwards. */
const ANY_NAME: Site = { host: undefined, answersFor: () => true, ignoresUpgrade: true };

class PlainHttp implements ClientListener, Timed {
  readonly #services: PlainHttpServices;
  readonly #address: string;
  readonly #client: ClientSocket;
  readonly #inbox = new Inbox();
  readonly #deadline = deadlines.in(limits.headTimeoutMs);
  watch: Timed["watch"] = undefined;
  #isAnswered = false;
  #startedAt = 0;

  constructor(socket: Socket, address: string, services: PlainHttpServices) {
    this.#services = services;
    this.#address = address;
    this.#client = new ClientSocket(socket, this, deadlines);
    deadlines.watch(this);
  }

  clientRead(bytes: Buffer, length: number): void {
    if (this.#isAnswered) return;
    this.#startedAt ||= performance.now();
    this.#inbox.add(bytes, length);
    const { bytes: all, from, to } = this.#inbox;
    if (all[from] === TLS_HANDSHAKE) {
      this.#client.abort(false);
      return;
    }
    const head = readRequestHead(all, from, to);
    if (head.kind === "head") void this.#decide(head);
    else if (head.kind === "fault") this.#answer(refusalFor(head), "");
    else this.#inbox.keep();
  }

  clientEnded(): void {
    // Who has asked may end its side and still gets the answer, also when policy has to be asked first.
    if (!this.#isAnswered) this.#client.close();
  }

  clientDrained(): void {
    // One answer, already handed to the socket: there is nothing to go on with.
  }

  clientClosed(): void {
    deadlines.forget(this);
  }

  tick(now: number): void {
    this.#client.tick(now);
    if (now < this.#deadline || this.#isAnswered) return;
    if (this.#inbox.size === 0) this.#client.abort(false);
    else this.#answer(refusalFor(fault(408, "the head is too slow")), "");
  }

  /** What comes after the head while policy is asked is not read: the connection ends with the answer. */
  async #decide(head: RequestHead): Promise<void> {
    this.#isAnswered = true;
    const reply = await replyTo(head, this.#services, this.#address);
    if (this.#client.socket.destroyed) this.#tell({ ...reply, why: "the client left" }, 0, 0);
    else this.#answer(reply, head.method);
  }

  #answer(reply: Reply, method: string): void {
    const { answer } = reply;
    this.#isAnswered = true;
    this.#inbox.clear();
    this.#services.counts?.answeredPlain(method, answer.status);
    const now = this.#services.now();
    const isHead = method === "HEAD";
    const delivery = { isHead, connection: "close", now } as const;
    this.#client.socket.write(writeOwnAnswer(answer, delivery), "latin1");
    this.#tell(reply, answer.status, isHead ? 0 : bodyOf(answer).length);
    this.#client.close();
  }

  /** The answer to a challenge is told by who has armed it. */
  #tell(reply: Reply, status: number, bytesOut: number): void {
    const { access, isTrustedProxy, tellsQuery = false } = this.#services;
    if (access === undefined || reply.answer.lines === CHALLENGE_LINES) return;
    const address = this.#address;
    const sender = { address, isTrusted: isTrustedProxy(address), isTrustedProxy };
    const asked = askedRecord(withoutToken(reply.request), { sender }, undefined);
    const durationMs = performance.now() - this.#startedAt;
    const ended = { status, bytesIn: 0, bytesOut, durationMs, user: undefined, backend: undefined };
    access(accessFacts(asked, { ...ended, why: reply.why }, undefined, tellsQuery));
  }
}

/** An answer, and what the log says of it. */
interface Reply {
  readonly answer: OwnAnswer;
  readonly request?: Admitted;
  readonly why?: string;
}

const NOT_FOUND: OwnAnswer = { status: 404, lines: "", body: "" };
const CHALLENGES = "/.well-known/acme-challenge/";
/** RFC 8555 §8.3: the token's alphabet is base64url. */
const CHALLENGE = /^\/\.well-known\/acme-challenge\/([A-Za-z0-9_-]+)$/;
const CHALLENGE_LINES =
  "Content-Type: application/octet-stream\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n";

async function replyTo(
  head: RequestHead,
  services: PlainHttpServices,
  client: string,
): Promise<Reply> {
  const request = admit(head, ANY_NAME);
  if (request.kind === "fault") {
    // A well-formed host that is never one of ours.
    return request.status === 421 ? { answer: NOT_FOUND, why: request.why } : refusalFor(request);
  }
  const keyAuthorization = challengeOf(request, services);
  if (keyAuthorization !== undefined)
    return { answer: { status: 200, lines: CHALLENGE_LINES, body: keyAuthorization }, request };
  if (!(await services.isServed(request.host, client)))
    return { answer: NOT_FOUND, request, why: "the host is not served here" };
  const origin = formatOrigin(request.host, services.publicHttpsPort);
  const target = request.target === "*" ? "/" : request.target;
  return { answer: { status: 308, lines: `Location: ${origin}${target}\r\n`, body: "" }, request };
}

function refusalFor({ status, why }: Fault): Reply {
  return { answer: refusal(status), why };
}

function challengeOf(request: Admitted, services: PlainHttpServices): string | undefined {
  if (request.method !== "GET" && request.method !== "HEAD") return undefined;
  const token = CHALLENGE.exec(request.target)?.[1];
  return token === undefined ? undefined : services.findChallenge(request.host, token);
}

/** The request as it may be logged: no line holds a token. */
function withoutToken(request: Admitted | undefined): Admitted | undefined {
  return request?.target.startsWith(CHALLENGES) === true
    ? { ...request, target: CHALLENGES }
    : request;
}
