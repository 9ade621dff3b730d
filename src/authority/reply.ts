import type { AcmeAnswer } from "../acme/transport.ts";
import type { Refusal } from "./refusal.ts";
import { urlOf } from "./resources.ts";

type Headers = Readonly<Record<string, string>>;

/** An answer with a JSON object. */
export function replyJson(status: number, body: unknown, headers: Headers = {}): AcmeAnswer {
  const type = { "content-type": "application/json" };
  return { status, headers: { ...type, ...headers }, body: JSON.stringify(body) };
}

/** An answer with a PEM chain (RFC 8555 §7.4.2). */
export function replyChain(chain: string): AcmeAnswer {
  const headers = { "content-type": "application/pem-certificate-chain" };
  return { status: 200, headers, body: chain };
}

/** An answer without content. */
export function replyEmpty(status: number, headers: Headers = {}): AcmeAnswer {
  return { status, headers, body: "" };
}

/** The problem document of a refusal (RFC 8555 §6.7). */
export function replyProblem({ problem, headers }: Refusal): AcmeAnswer {
  const type = { "content-type": "application/problem+json" };
  return replyJson(problem.status, problem, { ...type, ...headers });
}

/** The answer with what every answer carries: a nonce (RFC 8555 §6.5) and the way to the directory (§7.1). */
export function seal(answer: AcmeAnswer, nonce: string): AcmeAnswer {
  const index = `<${urlOf({ kind: "directory" })}>;rel="index"`;
  const { link, ...headers } = answer.headers;
  const links = link === undefined ? index : `${link}, ${index}`;
  return { ...answer, headers: { ...headers, "replay-nonce": nonce, link: links } };
}
