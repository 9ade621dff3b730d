import type { IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { cdnIn } from "../base/cdn.ts";
import { codeOf } from "../base/errors.ts";
import { request as httpRequest } from "../base/node-http.ts";
import type { UriHost } from "../base/uri-host.ts";
import { literalOf } from "../base/uri-host.ts";
import type { Ports } from "./door-findings.ts";
import type { HttpSight } from "./sights.ts";

/** What is looked for, and where. */
export interface HttpLook {
  readonly host: UriHost;
  readonly address: string;
  readonly token: string;
  readonly words: string;
  /** In place of 80 and 443. */
  readonly ports: Ports;
  /** An address of another name that a redirect leads to; `undefined`: none can be had. */
  addressOf(host: string, signal: AbortSignal): Promise<string | undefined>;
}

/** Let's Encrypt follows ten. */
const REDIRECTS_MAX = 10;
/** Our words have less than 100 characters: more is somebody else's page. */
const BODY_MAX_BYTES = 1_024;
const HEAD_MAX_BYTES = 16_384;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const [HTTP_PORT, HTTPS_PORT] = [80, 443];

/**
 * Looks for our own words at one address of the name as a CA does (RFC 8555 §8.3, and Let's Encrypt's ways): redirects are
 * followed to ports 80 and 443 only, certificates are not looked at. Rejects with the signal's reason.
 */
export async function lookOverHttp(look: HttpLook, signal: AbortSignal): Promise<HttpSight> {
  let url = new URL(`http://${literalOf(look.host)}/.well-known/acme-challenge/${look.token}`);
  const seen = new Set<string>();
  let cdn: string | undefined;
  for (let redirects = 0; redirects <= REDIRECTS_MAX; redirects += 1) {
    if (seen.has(url.href)) return { kind: "loop", url: url.href, cdn };
    seen.add(url.href);
    const answer = await ask(look, url, signal);
    if ("kind" in answer) {
      if (redirects === 0) return answer;
      return { kind: "led-nowhere", url: url.href, code: answer.code, cdn };
    }
    cdn ??= cdnIn(answer.headers);
    const target = targetOf(answer, url);
    if (target === undefined) return sightOf(answer, look, { url, cdn, redirects });
    if (!isFollowed(target, look.ports)) return { kind: "led-away", url: target.href, cdn };
    url = target;
  }
  return { kind: "loop", url: url.href, cdn };
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

/** Where the answer leads on; `undefined` when it does not. */
function targetOf({ status, headers }: Answer, from: URL): URL | undefined {
  const location = headers["location"];
  if (!REDIRECTS.has(status) || typeof location !== "string") return undefined;
  return URL.parse(location, from) ?? undefined;
}

function isFollowed({ protocol, port }: URL, ports: Ports): boolean {
  if (protocol !== "http:" && protocol !== "https:") return false;
  return port === "" || [HTTP_PORT, HTTPS_PORT, ports.http, ports.https].includes(Number(port));
}

function sightOf(
  { status, headers, body }: Answer,
  { words }: HttpLook,
  { url, cdn, redirects }: { url: URL; cdn: string | undefined; redirects: number },
): HttpSight {
  if (status === 200 && body.trimEnd() === words) return { kind: "ours", cdn, redirects };
  const server = typeof headers["server"] === "string" ? headers["server"] : undefined;
  return { kind: "other", url: url.href, status, server, cdn };
}

async function ask(
  look: HttpLook,
  url: URL,
  signal: AbortSignal,
): Promise<Answer | Extract<HttpSight, { kind: "closed" }>> {
  const name = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const address = name === look.host ? look.address : await look.addressOf(name, signal);
  if (address === undefined) return { kind: "closed", code: "ENOTFOUND" };
  try {
    const response = await send(url, { address, name, port: portOf(url, look.ports) }, signal);
    const { statusCode = 0, headers } = response;
    return { status: statusCode, headers, body: await readBody(response) };
  } catch (error) {
    signal.throwIfAborted();
    return { kind: "closed", code: codeOf(error) ?? "unknown" };
  }
}

function portOf({ protocol, port }: URL, ports: Ports): number {
  if (port !== "") return Number(port);
  return protocol === "https:" ? ports.https : ports.http;
}

function send(
  url: URL,
  at: { readonly address: string; readonly name: string; readonly port: number },
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const isSecure = url.protocol === "https:";
  const options = {
    host: at.address,
    port: at.port,
    path: `${url.pathname}${url.search}`,
    headers: { host: url.host, "user-agent": "latchkey-doctor", accept: "*/*" },
    agent: false,
    maxHeaderSize: HEAD_MAX_BYTES,
    signal,
  } as const;
  const request = isSecure
    ? httpsRequest({ ...options, servername: at.name, rejectUnauthorized: false })
    : httpRequest(options);
  request.on("response", resolve);
  request.on("error", reject);
  // Whatever else comes (101 is no response to Node), the question ends with its connection.
  request.on("close", () => reject(new Error("Cannot read the answer: there was none")));
  request.end();
  return promise;
}

async function readBody(response: IncomingMessage): Promise<string> {
  let body = "";
  for await (const chunk of response) {
    body += Buffer.from(chunk).toString("latin1");
    if (body.length > BODY_MAX_BYTES) break; // leaving the loop destroys the connection
  }
  return body;
}
