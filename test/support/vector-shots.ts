import { bodyVectors } from "../http/body-vectors.ts";
import { headVectors } from "../http/head-vectors.ts";
import type { Arrival } from "./canonical-backend.ts";
import type { RawClient } from "./raw-client.ts";

/** What must arrive of a row. */
export type Expected = Omit<Arrival, "client">;

/** A row of the tables as bytes on a connection, and what of it must arrive at a backend. */
export interface Shot {
  readonly name: string;
  /** As latin1. What may be taken for the next request ends with one: {@link NEXT}. */
  readonly bytes: string;
  /** `undefined`: nothing whole. */
  readonly arrives: Expected | undefined;
  /** Is the client told by an answer what became of it? Not before its request is complete. */
  readonly isAnswered: boolean;
  /** May a backend see its head, although it breaks off in its body? */
  readonly mayBegin: boolean;
}

/** Behind each row: a request that arrives as itself or not at all. */
export const NEXT: Expected = { method: "GET", target: "/next", host: "shop.example", body: "" };
const NEXT_BYTES = "GET /next HTTP/1.1\r\nHost: shop.example\r\n\r\n";
const CHUNKED = "POST / HTTP/1.1\r\nHost: shop.example\r\nTransfer-Encoding: chunked\r\n\r\n";
const CHUNKS = "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n";

/** Every row of the tables of request heads and of chunked bodies. */
export const shots: readonly Shot[] = [...headVectors.map(headShot), ...bodyVectors.map(bodyShot)];

function headShot({ name, bytes, expect }: (typeof headVectors)[number]): Shot {
  if (expect === 0) return { name, bytes, arrives: undefined, isAnswered: false, mayBegin: false };
  if (expect !== 200)
    return {
      name,
      bytes: bytes + NEXT_BYTES,
      arrives: undefined,
      isAnswered: true,
      mayBegin: false,
    };
  const headEnd = bytes.indexOf("\r\n\r\n", bytes.startsWith("\r\n") ? 2 : 0) + 4;
  const [head, begun] = [bytes.slice(0, headEnd), bytes.slice(headEnd)];
  const body = bodyOf(head, begun);
  return {
    name,
    bytes: head + body.bytes + NEXT_BYTES,
    arrives: { ...addressOf(head), body: body.content },
    isAnswered: true,
    mayBegin: false,
  };
}

function bodyShot({ name, bytes, expect }: (typeof bodyVectors)[number]): Shot {
  const isDone = expect.state === "done";
  const arrives = isDone
    ? { method: "POST", target: "/", host: "shop.example", body: expect.content }
    : undefined;
  const rest = isDone ? (expect.rest ?? "") : "";
  const own = bytes.slice(0, bytes.length - rest.length);
  return {
    name: `a body: ${name}`,
    bytes: CHUNKED + own + (expect.state === "more" ? "" : NEXT_BYTES),
    arrives,
    isAnswered: expect.state !== "more",
    mayBegin: !isDone,
  };
}

/** The body that the head announces, begun or not; the rows that are admitted leave no doubt about it. */
function bodyOf(head: string, begun: string): { readonly bytes: string; readonly content: string } {
  const [, size] = /\r\nContent-Length:[ \t]*(\d+)/i.exec(head) ?? [];
  if (size !== undefined) {
    const content = begun.slice(0, Number(size)).padEnd(Number(size), "x");
    return { bytes: content, content };
  }
  const isChunked = /\r\nTransfer-Encoding:/i.test(head);
  return isChunked ? { bytes: CHUNKS, content: "hello" } : { bytes: "", content: "" };
}

/** Where the request goes, by the letter of RFC 9112 §3. */
function addressOf(head: string): Pick<Expected, "method" | "target" | "host"> {
  const [, method = "", written = ""] = /^(?:\r\n)?(\S+) (\S+)/.exec(head) ?? [];
  const [, authority, path = ""] = /^https?:\/\/([^/?]+)(.*)$/i.exec(written) ?? [];
  const [, host = ""] = /\r\nHost:[ \t]*([^\r]*?)[ \t]*\r\n/i.exec(head) ?? [];
  if (authority === undefined) return { method, target: written, host };
  return { method, target: path.startsWith("/") ? path : `/${path}`, host: authority };
}

/** Sends a row, and waits until all that can come of it has come. */
export async function shoot({ bytes, isAnswered }: Shot, client: RawClient): Promise<void> {
  client.say(bytes);
  if (!isAnswered) client.socket.end();
  const finals = () => client.statuses.filter((status) => status >= 200).length;
  await client.until(({ isEnded, isClosed }) => isEnded || isClosed || finals() >= 2);
  client.socket.destroy();
}
