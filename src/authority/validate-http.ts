import type { IncomingMessage } from "node:http";
import { get } from "../base/node-http.ts";
import { type OwnDoor, ownHttpDoor } from "../base/own-door.ts";
import { literalOf, type UriHost } from "../base/uri-host.ts";
import { type Problem, problemOf } from "./refusal.ts";

/** A listener of this program, as validation dials it. */
export type Listener = OwnDoor;

/** What a client must prove: control over `host`, by answering `token` with the key authorization. */
export interface Proof {
  readonly host: UriHost;
  readonly token: string;
  /** RFC 8555 §8.1: `token.thumbprint`. Never put into a problem or a log line. */
  readonly keyAuthorization: string;
}

/** A key authorization takes 76 bytes here; Let's Encrypt reads no further than this either. */
const BODY_MAX_BYTES = 128;
const HEAD_MAX_BYTES = 8_192;

/**
 * HTTP-01 (RFC 8555 §8.3) at one listener. Stricter than it must be: no redirects (the listener is
 * our own), exactly status 200, and exactly the key authorization without white space around it.
 *
 * @param signal Carries the deadline.
 * @returns What is wrong, or `undefined` when the name is proven. Never rejects.
 */
export async function validateHttp(
  listener: Listener,
  proof: Proof,
  signal: AbortSignal,
): Promise<Problem | undefined> {
  try {
    const response = await send(listener, proof, signal);
    if (response.statusCode !== 200) {
      response.destroy();
      return problemOf("incorrectResponse", `${place(proof)} answered ${response.statusCode}`);
    }
    const body = await readBody(response);
    if (body === proof.keyAuthorization) return undefined;
    return problemOf(
      "incorrectResponse",
      `${place(proof)} answered no or another key authorization`,
    );
  } catch {
    const why = signal.aborted ? "gave no whole answer in time" : "could not be reached";
    return problemOf("connection", `${place(proof)} ${why} at port ${listener.port}`);
  }
}

function send(listener: Listener, proof: Proof, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = get(
      {
        ...ownHttpDoor(listener),
        path: `/.well-known/acme-challenge/${proof.token}`,
        headers: { host: literalOf(proof.host), "user-agent": "Latchkey-authority", accept: "*/*" },
        maxHeaderSize: HEAD_MAX_BYTES,
        signal,
      },
      resolve,
    );
    request.on("error", reject);
  });
}

/** The body up to and including the first chunk beyond the limit, which makes it wrong anyway. */
async function readBody(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    const part = Buffer.from(chunk);
    bytes += part.length;
    chunks.push(part);
    // Leaving the loop destroys the connection.
    if (bytes > BODY_MAX_BYTES) break;
  }
  return Buffer.concat(chunks).toString("latin1");
}

function place({ host }: Proof): string {
  return `http://${literalOf(host)}/.well-known/acme-challenge/…`;
}
