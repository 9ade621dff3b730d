import { request as httpsRequest } from "node:https";
import { request as httpRequest } from "../base/node-http.ts";

/** An answer that is no yes. */
export class WebhookRefusal extends Error {
  /** Is it worth another try? */
  readonly isPassing: boolean;

  constructor(status: number) {
    super(`it answered with status ${status}`);
    this.isPassing = status >= 500 || PASSING.has(status);
  }
}

/** RFC 9110 §15.5.9, RFC 8470, RFC 6585 §4: later may be better. */
const PASSING: ReadonlySet<number> = new Set([408, 425, 429]);

/**
 * Posts JSON to the URL and resolves when the answer's status is 2xx. Redirects are not followed, TLS is
 * verified, the answer's body is not read. The URL, which may hold a secret, is in no error.
 *
 * @throws {WebhookRefusal} for any other status; what the network says; the signal's reason.
 */
export async function post(url: string, body: string, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const request = (url.startsWith("https:") ? httpsRequest : httpRequest)(url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(body),
      "user-agent": "latchkey",
    },
    agent: false,
    signal,
  });
  request.on("response", (response) => {
    resolve(response.statusCode ?? 0);
    response.on("error", () => {
      // Its body is cut off on purpose.
    });
    response.destroy();
  });
  request.on("error", reject);
  // Whatever else it makes of it (101 is no response to Node), the question ends with its connection.
  request.on("close", () => reject(new Error("it gave no answer")));
  request.end(body);
  const status = await promise;
  if (status < 200 || status > 299) throw new WebhookRefusal(status);
}
