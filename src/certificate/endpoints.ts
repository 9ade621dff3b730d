import { createHttpsTransport } from "../acme/transport.ts";
import type { Authority } from "../authority/authority.ts";
import { programVersion } from "../base/version.ts";
import type { Issuer } from "../config/config.ts";
import { limits } from "../config/limits.ts";
import type { Endpoint } from "./account.ts";

/** RFC 8555 §6.1: the software, and the library that speaks for it. */
const USER_AGENT = `latchkey/${programVersion()} (acme-client/5.4.0)`;

/** The way to each issuer: over HTTPS, or in process to our own authority. Made at the first need and kept. */
export class Endpoints {
  readonly #authority: Authority | undefined;
  readonly #known = new Map<Issuer, Endpoint>();

  /** @param authority Open when any host of the configuration wants it. */
  constructor(authority: Authority | undefined) {
    this.#authority = authority;
  }

  /** How this issuer is reached. */
  of(issuer: Issuer): Endpoint {
    const known = this.#known.get(issuer);
    if (known !== undefined) return known;
    const endpoint = this.#make(issuer);
    this.#known.set(issuer, endpoint);
    return endpoint;
  }

  #make(issuer: Issuer): Endpoint {
    if (issuer.kind === "internal") {
      if (this.#authority === undefined) throw new TypeError("The internal authority is not open");
      return { directory: this.#authority.directory, transport: this.#authority.transport };
    }
    const transport = createHttpsTransport({
      trust: issuer.trust,
      userAgent: USER_AGENT,
      connectTimeoutMs: limits.acmeConnectTimeoutMs,
      headersTimeoutMs: limits.acmeHeadersTimeoutMs,
      totalTimeoutMs: limits.acmeRequestTimeoutMs,
      answerMaxBytes: limits.acmeAnswerMaxBytes,
    });
    return { directory: issuer.directory, transport };
  }
}
