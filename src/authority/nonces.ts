import { randomBytes } from "node:crypto";

/** Nonces that may be outstanding; the oldest go first (the answer then is badNonce with a fresh one). */
const OUTSTANDING_MAX = 1_000;
/** 128 random bits (RFC 8555 §6.5 asks that they cannot be guessed). */
const NONCE_BYTES = 16;

/** The anti-replay nonces of RFC 8555 §6.5: each one good for one request, at most 1,000 outstanding. */
export class Nonces {
  readonly #outstanding = new Set<string>();

  /** A nonce that no one was given before. */
  make(): string {
    const nonce = randomBytes(NONCE_BYTES).toString("base64url");
    this.#outstanding.add(nonce);
    if (this.#outstanding.size > OUTSTANDING_MAX) {
      const [oldest] = this.#outstanding;
      if (oldest !== undefined) this.#outstanding.delete(oldest);
    }
    return nonce;
  }

  /** Takes the nonce out of the table: true the first time, false ever after. */
  spend(nonce: string): boolean {
    return this.#outstanding.delete(nonce);
  }

  /** How many are outstanding. */
  get size(): number {
    return this.#outstanding.size;
  }
}
