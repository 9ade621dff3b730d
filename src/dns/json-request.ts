import { withDeadline } from "../base/clock.ts";
import { connectionFailure } from "../base/connection-failure.ts";
import { codeOf, messageOf } from "../base/errors.ts";

/** One request to the API of a DNS provider. */
export interface JsonRequest {
  readonly method: "GET" | "POST" | "DELETE";
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: object;
}

export interface JsonAnswer {
  readonly status: number;
  /** `undefined` when the answer is no JSON. */
  readonly body: unknown;
}

/** A page of a hundred records is about 60 KiB. */
const ANSWER_MAX_BYTES = 1_048_576;

/**
 * Asks an API. A redirect is not followed: it would carry the credentials elsewhere.
 *
 * @throws {Error} when no whole answer came in time; the signal's reason when aborted.
 */
export async function requestJson(
  { method, url, headers, body }: JsonRequest,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<JsonAnswer> {
  requirePrintable(headers);
  try {
    const response = await fetch(url, {
      method,
      headers: { accept: "application/json", ...headers },
      redirect: "manual",
      signal: withDeadline(signal, timeoutMs),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: parse(await textOf(response)) };
  } catch (cause) {
    signal.throwIfAborted();
    throw new Error(`${url.host}: ${whyOf(cause)}`, { cause });
  }
}

/** Checked here, for `fetch` would quote the whole value, credentials and all, in its message. */
function requirePrintable(headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) {
    if (!/^[\x20-\x7e]*$/.test(value))
      throw new Error(`the credentials for the field ${name} are not one line of printable ASCII`);
  }
}

async function textOf({ body }: Response): Promise<string> {
  if (body === null) return "";
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > ANSWER_MAX_BYTES) throw new Error("its answer is larger than 1 MiB");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** `fetch` says "fetch failed" and hides the reason in the cause. */
function whyOf(thrown: unknown): string {
  const cause = thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause : thrown;
  const code = codeOf(cause);
  if (code === undefined) return messageOf(cause);
  const { words } = connectionFailure(cause);
  return words.includes(code) ? words : `${words || "failed"} (${code})`;
}
