import { type AcmeTransport, createHttpsTransport } from "../acme/transport.ts";
import { programVersion } from "../base/version.ts";
import type { Issuer } from "../config/config.ts";
import { limits } from "../config/limits.ts";
import type { Endpoint } from "./account.ts";

/** RFC 8555 §6.1: the software, and the library that speaks for it. */
const USER_AGENT = `latchkey/${programVersion()} (acme-client/5.4.0)`;

/** What stands in a way to a CA; see {@link pausing}. */
type Guard = (transport: AcmeTransport, directory: string) => AcmeTransport;

/** How requests get to a CA that is not our own. */
export type TransportTo = (issuer: Extract<Issuer, { kind: "acme" }>) => AcmeTransport;

/** As the program reaches them. */
const overHttps: TransportTo = ({ trust }) =>
  createHttpsTransport({
    trust,
    userAgent: USER_AGENT,
    connectTimeoutMs: limits.acmeConnectTimeoutMs,
    headersTimeoutMs: limits.acmeHeadersTimeoutMs,
    totalTimeoutMs: limits.acmeRequestTimeoutMs,
    answerMaxBytes: limits.acmeAnswerMaxBytes,
  });

/** The way to each issuer: over HTTPS, or in process to our own authority. Made at the first need and kept. */
export class Endpoints {
  readonly #authority: Endpoint;
  readonly #guard: Guard;
  readonly #transportTo: TransportTo;
  /** By what an issuer says: every host brings an object of its own through the pipe. */
  readonly #known = new Map<string, Endpoint>();

  /** @param authority The internal one, to which the way is never closed. */
  constructor(authority: Endpoint, guard: Guard, transportTo: TransportTo = overHttps) {
    this.#authority = authority;
    this.#guard = guard;
    this.#transportTo = transportTo;
  }

  /** URL of its directory, which tells issuers apart in storage. */
  directoryOf(issuer: Issuer): string {
    return issuer.kind === "internal" ? this.#authority.directory : issuer.directory;
  }

  /** The issuer whose directory this is, of those that `issuers` names. */
  find(issuers: readonly Issuer[], directory: string): Endpoint | undefined {
    const issuer = issuers.find((each) => this.directoryOf(each) === directory);
    return issuer && this.of(issuer);
  }

  /** How this issuer is reached. */
  of(issuer: Issuer): Endpoint {
    const key = JSON.stringify(issuer);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const endpoint = this.#make(issuer);
    this.#known.set(key, endpoint);
    return endpoint;
  }

  #make(issuer: Issuer): Endpoint {
    if (issuer.kind === "internal") return this.#authority;
    const guarded = this.#guard(this.#transportTo(issuer), issuer.directory);
    return { directory: issuer.directory, transport: guarded, binding: issuer.eab };
  }
}
