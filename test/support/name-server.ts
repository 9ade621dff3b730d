import { createSocket, type RemoteInfo } from "node:dgram";
import { once } from "node:events";
import { type Answer, AUTHORITATIVE_ANSWER, decode, encode, type Question } from "dns-packet";

/** What a name server says to one question; silence when nothing is said. */
export type Said =
  | { readonly answers: readonly Answer[] }
  | { readonly rcode: "NXDOMAIN" | "SERVFAIL" | "REFUSED" };

/** A real name server on a port of 127.0.0.1, over UDP, that says what its test wants. */
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

/**
 * Starts it. A name that `say` knows nothing of is not answered at all.
 *
 * @param at Where, in place of a free port of 127.0.0.1.
 */
export async function startNameServer(
  say: (type: string, name: string) => Said | undefined,
  at: { readonly host: string; readonly port: number } = { host: "127.0.0.1", port: 0 },
): Promise<NameServer> {
  const socket = createSocket("udp4");
  const questions: string[] = [];
  socket.on("message", (message: Buffer, from: RemoteInfo) => {
    const query = decode(message);
    const question: Question | undefined = query.questions?.[0];
    if (question === undefined) return;
    questions.push(`${question.type} ${question.name}`);
    const said = say(question.type, question.name);
    if (said === undefined) return;
    const answer = encode({
      type: "response",
      ...(query.id === undefined ? {} : { id: query.id }),
      flags: AUTHORITATIVE_ANSWER | ("rcode" in said ? RCODES[said.rcode] : 0),
      questions: [question],
      answers: "answers" in said ? [...said.answers] : [],
    });
    socket.send(answer, from.port, from.address);
  });
  socket.bind(at.port, at.host);
  try {
    await once(socket, "listening");
  } catch (error) {
    socket.close(); // else the process of a test that has failed would never end
    throw error;
  }
  return {
    address: `${at.host}:${socket.address().port}`,
    questions,
    unref: () => void socket.unref(),
    [Symbol.asyncDispose]: async () => {
      await once(socket.close(), "close");
    },
  };
}
