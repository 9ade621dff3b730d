import type { X509Certificate } from "node:crypto";
import { certIdOf } from "../acme/cert-id.ts";
import { formatTime } from "../base/format-time.ts";
import type { UriHost } from "../base/uri-host.ts";
import { Refusal } from "./refusal.ts";

/** Certificates whose renewal is advised; the oldest are forgotten first (about 300 bytes each). */
const REMEMBERED_MAX = 10_000;
/** Renewal belongs at two thirds of the life, a fiftieth of it earlier or later. */
const RENEW_AT = 2 / 3;
const SPREAD = 1 / 50;
/** How soon to ask again: a fiftieth of the life, so that a life of minutes is followed as well. */
const ASK_AGAIN = 1 / 50;
const ASK_AGAIN_MIN_S = 1;
/** What Let's Encrypt says for its certificates. */
const ASK_AGAIN_MAX_S = 21_600;
/** RFC 9773 §4.1: key identifier and serial number, each base64url. */
const CERT_ID = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;

/** A renewalInfo object (RFC 9773 §4.2), and the Retry-After that goes with it, in seconds. */
export interface RenewalAdvice {
  readonly suggestedWindow: { readonly start: string; readonly end: string };
  readonly retryAfterS: number;
}

interface Issued {
  readonly account: string;
  readonly names: readonly UriHost[];
  readonly notBefore: number;
  readonly notAfter: number;
  isReplaced: boolean;
}

/**
 * The certificates issued since the start, by CertID (RFC 9773 §4.1), for renewal advice and for
 * `replaces`. At most 10,000. A restart forgets them: clients then go by the lifetime, as RFC 9773
 * §4.3.3 has them do, and a `replaces` that nothing is known about is let pass.
 */
export class RenewalInfo {
  readonly #issued = new Map<string, Issued>();
  readonly #max: number;

  constructor(max = REMEMBERED_MAX) {
    this.#max = max;
  }

  /** Remembers a leaf that was just signed. */
  remember(leaf: X509Certificate, account: string, names: readonly UriHost[]): void {
    const certId = certIdOf(leaf.toString());
    if (certId === undefined) throw new TypeError("Cannot remember a certificate without issuer");
    const [oldest] = this.#issued.size >= this.#max ? this.#issued.keys() : [];
    if (oldest !== undefined) this.#issued.delete(oldest);
    this.#issued.set(certId, {
      account,
      names,
      notBefore: leaf.validFromDate.getTime(),
      notAfter: leaf.validToDate.getTime(),
      isReplaced: false,
    });
  }

  /**
   * When to renew.
   * @throws {Refusal} `malformed`: 400 for what is no CertID, 404 for an unknown one.
   */
  advise(certId: string): RenewalAdvice {
    checkForm(certId);
    const issued = this.#issued.get(certId);
    if (issued === undefined) {
      throw new Refusal("malformed", "No such certificate", { status: 404 });
    }
    const life = issued.notAfter - issued.notBefore;
    const at = (share: number) => formatTime(issued.notBefore + life * share);
    const askAgain = Math.floor((life * ASK_AGAIN) / 1_000);
    return {
      suggestedWindow: { start: at(RENEW_AT - SPREAD), end: at(RENEW_AT + SPREAD) },
      retryAfterS: Math.min(Math.max(askAgain, ASK_AGAIN_MIN_S), ASK_AGAIN_MAX_S),
    };
  }

  /**
   * The checks of RFC 9773 §5 on `replaces`: same account, a name in common, not replaced yet.
   * @throws {Refusal} `malformed`, `unauthorized` or `alreadyReplaced` (409).
   */
  checkReplaces(certId: string, account: string, names: readonly UriHost[]): void {
    checkForm(certId);
    const issued = this.#issued.get(certId);
    if (issued === undefined) return;
    if (issued.account !== account) {
      throw new Refusal("unauthorized", "The certificate to replace is another account's");
    }
    if (!names.some((name) => issued.names.includes(name))) {
      throw new Refusal("malformed", "The certificate to replace has no name of this order");
    }
    if (issued.isReplaced) {
      throw new Refusal("alreadyReplaced", "The certificate was replaced already");
    }
  }

  /** From now on the certificate counts as replaced. */
  markReplaced(certId: string): void {
    const issued = this.#issued.get(certId);
    if (issued !== undefined) issued.isReplaced = true;
  }

  /** How many certificates are remembered. */
  get size(): number {
    return this.#issued.size;
  }
}

function checkForm(certId: string): void {
  if (!CERT_ID.test(certId)) throw new Refusal("malformed", "That is not a CertID");
}
