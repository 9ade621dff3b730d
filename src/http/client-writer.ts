import { limits } from "../config/limits.ts";
import type { Admitted } from "./admit.ts";
import type { AnswerEdits } from "./answer-edits.ts";
import type { FinalAnswer } from "./answer-reader.ts";
import { CHUNK_END, chunkStart, lastChunk } from "./body.ts";
import type { ClientSocket } from "./client-socket.ts";
import type { AnswerWriter, BodySource } from "./front.ts";
import type { ResponseHead } from "./head.ts";
import { writeResponseHead } from "./headers.ts";
import { Outlet } from "./outlet.ts";
import { dateLine, type OwnAnswer, writeOwnAnswer } from "./refuse.ts";

/** How content goes to the client; `close` ends with the connection (HTTP/1.0). */
type Delivery = "none" | "length" | "chunked" | "close";

/** Writes answers to an HTTP/1.1 client, in the framing that it understands. Does not own the socket. */
export class ClientWriter implements AnswerWriter {
  readonly #client: ClientSocket;
  readonly #outlet = new Outlet();
  #delivery: Delivery = "none";
  readonly tunnelStatus = 101;
  status = 0;
  bytesOut = 0;

  constructor(client: ClientSocket) {
    this.#client = client;
    this.#outlet.open(client.socket);
  }

  begin(): void {
    this.#delivery = "none";
    this.status = 0;
    this.bytesOut = 0;
  }

  takeBack(): boolean {
    if (!this.#outlet.takeBack()) return false;
    this.begin();
    return true;
  }

  /** Does the content end only with the connection? Then a plain close would look like its end. */
  get endsWithConnection(): boolean {
    return this.#delivery === "close";
  }

  /** RFC 9110 §15.2: 1xx goes to no HTTP/1.0 client. */
  interim(request: Admitted, head: ResponseHead, named: readonly string[]): void {
    if (request.head.minor === 1) this.#outlet.say(writeResponseHead(head, named, ""));
  }

  head(
    request: Admitted,
    head: ResponseHead,
    answer: FinalAnswer,
    closes: boolean,
    now: number,
    edits: AnswerEdits | undefined,
  ): void {
    this.#outlet.mark();
    this.status = head.status;
    this.#delivery = deliveryOf(request, answer);
    const lines =
      (head.fields.names.includes("date") ? "" : dateLine(now)) +
      framingLine(this.#delivery, head, answer) +
      connectionLine(request, closes);
    this.#outlet.say(editedHead(head, answer.named, lines, edits));
  }

  switched(head: ResponseHead, named: readonly string[], edits: AnswerEdits | undefined): void {
    this.status = head.status;
    const lines = "Upgrade: websocket\r\nConnection: Upgrade\r\n";
    this.#outlet.say(editedHead(head, named, lines, edits));
  }

  content(bytes: Buffer, start: number, end: number): void {
    this.bytesOut += end - start;
    const isChunked = this.#delivery === "chunked";
    if (isChunked) this.#outlet.say(chunkStart(end - start));
    this.#outlet.pass(bytes, start, end);
    if (isChunked) this.#outlet.say(CHUNK_END);
  }

  /** Trailers go on when they can be told and were asked for. */
  end(request: Admitted, trailers: string): void {
    if (this.#delivery !== "chunked") return;
    this.#outlet.say(lastChunk(request.takesTrailers ? trailers : ""));
  }

  own(answer: OwnAnswer, request: Admitted | undefined, closes: boolean, now: number): void {
    const isHead = request?.method === "HEAD";
    this.status = answer.status;
    this.bytesOut = isHead ? 0 : Buffer.byteLength(answer.body);
    this.#outlet.say(
      writeOwnAnswer(answer, {
        isHead,
        connection: closes ? "close" : request?.head.minor === 0 ? "keep-alive" : undefined,
        now,
      }),
    );
  }

  flush(): boolean {
    if (!this.#outlet.flush()) this.#client.expectDrain();
    return this.#client.takesMore;
  }
}

function editedHead(
  head: ResponseHead,
  named: readonly string[],
  lines: string,
  edits: AnswerEdits | undefined,
): string {
  if (edits === undefined) return writeResponseHead(head, named, lines);
  return writeResponseHead(head, [...named, ...edits.removed], edits.lines + lines);
}

/** Does an answer to this request leave the client no way to see its end but the connection's? */
export function endsWithConnection(request: Admitted, answer: FinalAnswer): boolean {
  return deliveryOf(request, answer) === "close";
}

/**
 * Shall nobody look at what the client sends next? Without the 100 it asked for it may send its body or
 * may not; what it sent behind a WebSocket handshake that failed need not be HTTP; and a rest of its
 * body may be known to be longer than we read for nobody.
 */
export function losesTrack(request: Admitted | undefined, body: BodySource): boolean {
  if (request?.webSocketKey !== undefined) return true;
  if (request === undefined || body.isDone) return false;
  if (request.expectsContinue && body.received === 0) return true;
  return request.contentLength - body.received > limits.drainMaxBytes;
}

function deliveryOf(request: Admitted, answer: FinalAnswer): Delivery {
  if (answer.end === "none" || answer.end === "length") return answer.end;
  return request.head.minor === 1 ? "chunked" : "close";
}

function framingLine(delivery: Delivery, head: ResponseHead, answer: FinalAnswer): string {
  if (delivery === "chunked") return "Transfer-Encoding: chunked\r\n";
  // RFC 9110 §8.6: what HEAD and 304 say is the length of what GET would get; 204 has none.
  if (answer.length === undefined || head.status === 204) return "";
  return `Content-Length: ${answer.length}\r\n`;
}

function connectionLine(request: Admitted, closes: boolean): string {
  if (closes) return "Connection: close\r\n";
  return request.head.minor === 0 ? "Connection: keep-alive\r\n" : "";
}
