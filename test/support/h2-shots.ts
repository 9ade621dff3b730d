import { goodHeads } from "../http/h2-head-vectors.ts";
import {
  brokenBodies,
  brokenFrames,
  droppedFields,
  SMUGGLED,
  spoilingHeads,
} from "../http/h2-vectors.ts";
import { FLAG, FRAME, type FrameClient, frame, headers, request } from "./h2-frames.ts";
import { type Expected, NEXT } from "./vector-shots.ts";

/** A row of the tables of HTTP/2 as frames, and what of it must arrive at a backend. */
export interface H2Shot {
  readonly name: string;
  /** On stream 1. */
  readonly frames: readonly Uint8Array[];
  /** `undefined`: nothing whole. */
  readonly arrives: Expected | undefined;
  /** May a backend see its head, although it breaks off in its body? */
  readonly mayBegin: boolean;
  /** May the connection end before what came whole has gone on? */
  readonly endsAll: boolean;
}

const OPEN = FLAG.endHeaders;
const POST = { ":method": "POST" };
const PLAIN: Expected = { method: "GET", target: "/", host: "shop.example", body: "" };
/** Behind each row, on a stream of its own. */
const NEXT_FRAME = headers(3, request({ ":path": NEXT.target }));
const WHOLE = { mayBegin: false, endsAll: false } as const;

/** Every row of the tables of HTTP/2, and bodies in every form. */
export const h2Shots: readonly H2Shot[] = [
  ...goodHeads.map(([name, pairs]) => {
    const arrives = { ...addressOf(pairs), body: "" };
    return { name: `a head: ${name}`, frames: [headers(1, paired(pairs))], arrives, ...WHOLE };
  }),
  ...spoilingHeads.map(([name, frames]) => {
    return { name: `a spoiling head: ${name}`, frames: [frames], arrives: undefined, ...WHOLE };
  }),
  ...droppedFields.map(([name, field, value]) => {
    const frames = [headers(1, [...request(), [field, value]])];
    return { name: `a field: ${name}`, frames, arrives: PLAIN, ...WHOLE };
  }),
  ...bodies().map(([name, content, ...frames]) => {
    const arrives = { ...PLAIN, method: "POST", body: content };
    return { name: `a body: ${name}`, frames, arrives, ...WHOLE };
  }),
  ...brokenBodies.map(([name, frames, end]) => {
    const endsAll = `${end}`.startsWith("goaway");
    return { name: `a body: ${name}`, frames, arrives: undefined, mayBegin: true, endsAll };
  }),
  ...brokenFrames.map(([name, frames]) => {
    return { name: `frames: ${name}`, frames, arrives: PLAIN, mayBegin: true, endsAll: true };
  }),
];

/** Bodies that are whole. */
function bodies(): readonly (readonly [
  name: string,
  content: string,
  ...frames: readonly Buffer[],
])[] {
  const data = (content: string, flags = 0) => frame(FRAME.data, flags, 1, content);
  const open = headers(1, request(POST), OPEN);
  const sized = headers(1, request({ ...POST, "content-length": "5" }), OPEN);
  const padded = frame(FRAME.data, FLAG.padded | FLAG.endStream, 1, "\x03hello\0\0\0");
  const trailers = headers(1, [["x-sum", "1"]]);
  return [
    ["in one frame", "hello", open, data("hello", FLAG.endStream)],
    ["in pieces, some empty", "hello", open, data("he"), data(""), data("llo"), data("", 1)],
    ["of a length that is told", "hello", sized, data("he"), data("llo", FLAG.endStream)],
    ["with padding", "hello", open, padded],
    ["with a length and padding", "hello", sized, padded],
    ["before trailers", "hello", open, data("hello"), trailers],
    ["of a length, before trailers", "hello", sized, data("hello"), trailers],
    ["of nothing", "", open, data("", FLAG.endStream)],
    ["that ends as a chunked one would", "0\r\n\r\n", open, data("0\r\n\r\n", FLAG.endStream)],
    ["with a request inside", SMUGGLED, open, data(SMUGGLED, FLAG.endStream)],
  ];
}

/** Sends a row and a request behind it, and waits until all that can come of them has come. */
export async function shootFrames({ frames }: H2Shot, client: FrameClient): Promise<void> {
  client.say(...frames, NEXT_FRAME);
  const isOver = (stream: number) =>
    client.hasEnd(stream) || client.of(FRAME.reset, stream).length > 0;
  await client.until(() => isOver(1) && isOver(3));
}

/** What has to have arrived of a row, and what may have: once each. By what the client was told. */
export function expectedOf({ arrives, endsAll }: H2Shot, client: FrameClient) {
  const own = arrives === undefined ? [] : [arrives];
  const isTold = (stream: number) => client.hasEnd(stream) && client.status(stream) === 200;
  return {
    must: [...(endsAll && !isTold(1) ? [] : own), ...(isTold(3) ? [NEXT] : [])],
    may: endsAll ? [...own, NEXT] : [],
  };
}

function paired(pairs: readonly string[]): (readonly [string, string])[] {
  return pairs.flatMap((name, at) => (at % 2 === 0 ? [[name, pairs[at + 1] ?? ""] as const] : []));
}

function addressOf(pairs: readonly string[]): Pick<Expected, "method" | "target" | "host"> {
  const fields = Object.fromEntries(paired(pairs));
  const host = fields[":authority"] ?? fields["host"] ?? "";
  return { method: fields[":method"] ?? "", target: fields[":path"] ?? "", host };
}
