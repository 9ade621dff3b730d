import { createSocket, type RemoteInfo } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import {
  type Answer,
  AUTHORITATIVE_ANSWER,
  decode,
  encode,
  type Packet,
  type Question,
  streamDecode,
  streamEncode,
  TRUNCATED_RESPONSE,
} from "dns-packet";

/** What a name server says to one question; silence when nothing is said. */
export type Said =
  | { readonly answers: readonly Answer[] }
  | { readonly rcode: "NXDOMAIN" | "SERVFAIL" | "REFUSED" };

/** A real name server on a port of 127.0.0.1, over UDP, and TCP if that is wanted, that says what its test wants. */
export interface NameServer extends AsyncDisposable {
  /** `127.0.0.1:port`. */
  readonly address: string;
  /** `A a.example`, in order. */
  readonly questions: readonly string[];
  /** Lets the process end, or see that nothing is left to do, while it listens. */
  unref(): void;
}

/** By dns-packet's numbers: what the package leaves to its users. */
const RCODES = { NXDOMAIN: 3, SERVFAIL: 2, REFUSED: 5 } as const;

/** An answer over UDP that is longer (RFC 1035 §4.2.1) is to be asked for over TCP. */
const UDP_MAX_BYTES = 512;

/**
 * Starts it. A name that `say` knows nothing of is not answered at all.
 *
 * @param at Where, in place of a free port of 127.0.0.1; `tcp`: long answers go that way.
 */
export async function startNameServer(
  say: (type: string, name: string) => Said | undefined,
  at: { readonly host: string; readonly port: number; readonly tcp?: boolean } = {
    host: "127.0.0.1",
    port: 0,
  },
): Promise<NameServer> {
  const socket = createSocket("udp4");
  const questions: string[] = [];
  const answerTo = ({ id, questions: [question] = [] }: Packet): Packet | undefined => {
    if (question === undefined) return undefined;
    questions.push(`${question.type} ${question.name}`);
    const said = say(question.type, question.name);
    return said && packetOf(id, question, said);
  };
  socket.on("message", (message: Buffer, from: RemoteInfo) => {
    const answer = answerTo(decode(message));
    if (answer === undefined) return;
    const whole = encode(answer);
    const isLong = at.tcp === true && whole.length > UDP_MAX_BYTES;
    socket.send(isLong ? encode(truncated(answer)) : whole, from.port, from.address);
  });
  const streams = createServer((stream) => {
    answerStream(stream, answerTo);
  });
  try {
    // Programs are out on many ports by TCP, few by UDP: whichever is free for streams is free for packets.
    if (at.tcp === true) await once(streams.listen(at.port, at.host), "listening");
    const port = at.tcp === true ? (streams.address() as AddressInfo).port : at.port;
    await once(socket.bind(port, at.host), "listening");
  } catch (error) {
    streams.close();
    socket.close(); // else the process of a test that has failed would never end
    throw error;
  }
  return {
    address: `${at.host}:${socket.address().port}`,
    questions,
    unref: () => {
      socket.unref();
      streams.unref();
    },
    [Symbol.asyncDispose]: async () => {
      streams.close();
      await once(socket.close(), "close");
    },
  };
}

function packetOf(id: number | undefined, question: Question, said: Said): Packet {
  return {
    type: "response",
    ...(id === undefined ? {} : { id }),
    flags: AUTHORITATIVE_ANSWER | ("rcode" in said ? RCODES[said.rcode] : 0),
    questions: [question],
    answers: "answers" in said ? [...said.answers] : [],
  };
}

function truncated(answer: Packet): Packet {
  return { ...answer, flags: (answer.flags ?? 0) | TRUNCATED_RESPONSE, answers: [] };
}

/** Questions as they come, each behind its length (RFC 1035 §4.2.2). */
function answerStream(stream: Socket, answerTo: (query: Packet) => Packet | undefined): void {
  let bytes = Buffer.alloc(0);
  stream.on("error", () => {}); // whoever asked is gone
  stream.on("data", (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    while (bytes.length >= 2 && bytes.length >= 2 + bytes.readUInt16BE(0)) {
      const end = 2 + bytes.readUInt16BE(0);
      const answer = answerTo(streamDecode(bytes.subarray(0, end)));
      if (answer !== undefined) stream.write(streamEncode(answer));
      bytes = bytes.subarray(end);
    }
  });
}
