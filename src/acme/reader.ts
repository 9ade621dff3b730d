import { isDeepStrictEqual } from "node:util";
import type { Clock } from "../base/clock.ts";
import { LatchkeyError } from "../base/errors.ts";
import { parseJson } from "./json.ts";
import { problemIn } from "./problem.ts";
import {
  type AcmeDirectory,
  type AcmeRenewalInfo,
  readDirectory,
  readRenewalInfo,
} from "./resource.ts";
import { parseRetryAfter } from "./retry-after.ts";
import type { AcmeAnswer, AcmeTransport } from "./transport.ts";

export interface AcmeReaderOptions {
  /** URL of the directory. */
  readonly directory: string;
  /** Stays the caller's: closing it is not done here. */
  readonly transport: AcmeTransport;
  readonly clock: Clock;
}

/** RFC 8555 leaves it open; what moves earlier is noticed by its absence, see `withDirectory`. */
const DIRECTORY_MAX_AGE_MS = 86_400_000;
/** By then what a CA does not offer is asked for again before it counts: many hosts may want it at once. */
const ABSENCE_MAX_AGE_MS = 10_000;

/**
 * What a CA tells anybody: plain GETs, for which there need be no account. It waits for nothing but
 * the answer, and repeats nothing.
 *
 * Every method throws `AcmeProblem` (`ACME_PROBLEM`) when the CA says no, `ACME_UNREACHABLE` when no
 * answer came, `ACME_PROTOCOL` when the answer makes no sense, and the signal's reason when aborted.
 */
export class AcmeReader {
  readonly #options: AcmeReaderOptions;
  #directory: { readonly value: AcmeDirectory; readonly readAt: number } | undefined;

  constructor(options: AcmeReaderOptions) {
    this.#options = options;
  }

  /**
   * What the CA offers; asked for once, and again after a day.
   *
   * @param lacks Is it without what is wanted? Then it is asked for again, as the CA may offer that by now.
   */
  async directory(
    signal: AbortSignal,
    lacks: (directory: AcmeDirectory) => boolean = () => false,
  ): Promise<AcmeDirectory> {
    const now = this.#options.clock.now();
    const known = this.#directory;
    if (known === undefined) return await this.#readDirectory(signal);
    const maxAgeMs = lacks(known.value) ? ABSENCE_MAX_AGE_MS : DIRECTORY_MAX_AGE_MS;
    // A clock that was set back must not keep it for longer.
    const isFresh = Math.abs(now - known.readAt) < maxAgeMs;
    return isFresh ? known.value : await this.#readDirectory(signal);
  }

  /**
   * Does something with what the directory names. When the CA does not find it (404) and names other places
   * by now, it has moved: then once more.
   */
  async withDirectory<Result>(
    signal: AbortSignal,
    work: (directory: AcmeDirectory) => Promise<Result>,
  ): Promise<Result> {
    const known = await this.directory(signal);
    try {
      return await work(known);
    } catch (error) {
      if (!isNotFound(error)) throw error;
      const current = await this.#readDirectory(signal);
      if (isDeepStrictEqual(current, known)) throw error;
      return await work(current);
    }
  }

  async #readDirectory(signal: AbortSignal): Promise<AcmeDirectory> {
    const answer = await this.#get("read the directory", this.#options.directory, signal);
    const value = readDirectory(parseJson(answer.body));
    this.#directory = { value, readAt: this.#options.clock.now() };
    return value;
  }

  /**
   * When the CA would like the certificate to be renewed (RFC 9773 §4.1); `undefined` when it has no
   * opinion on any.
   *
   * @param certId Made by `certIdOf`.
   */
  async renewalInfo(certId: string, signal: AbortSignal): Promise<AcmeRenewalInfo | undefined> {
    return await this.withDirectory(signal, async ({ renewalInfoUrl }) => {
      if (renewalInfoUrl === undefined) return undefined;
      const url = `${renewalInfoUrl.replace(/\/$/, "")}/${certId}`;
      const { headers, body } = await this.#get("read the renewal window", url, signal);
      const retryAfterMs = parseRetryAfter(headers["retry-after"], this.#options.clock.now());
      return readRenewalInfo(parseJson(body), retryAfterMs);
    });
  }

  async #get(action: string, url: string, signal: AbortSignal): Promise<AcmeAnswer> {
    const request = { method: "GET", url, headers: {}, body: undefined } as const;
    const answer = await this.#options.transport.request(request, signal);
    if (answer.status === 200) return answer;
    throw problemIn(action, answer, this.#options.clock.now());
  }
}

function isNotFound(error: unknown): boolean {
  return error instanceof LatchkeyError && error.facts["status"] === 404;
}
