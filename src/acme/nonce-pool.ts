/** RFC 8555 §6.5.1: base64url, or it is to be ignored. */
const NONCE = /^[A-Za-z0-9_-]{1,256}$/;

/** The nonce that an answer brought, if it brought one that may be used. */
export function nonceIn(headers: Readonly<Record<string, string>>): string | undefined {
  const nonce = headers["replay-nonce"];
  return nonce !== undefined && NONCE.test(nonce) ? nonce : undefined;
}

/** Nonces that a CA gave and nobody has used: the newest first, because CAs forget the old ones. */
export class NoncePool {
  readonly #nonces: string[] = [];
  readonly #max: number;

  /** @param max How many are kept; then the oldest goes. */
  constructor(max: number) {
    this.#max = max;
  }

  put(nonce: string | undefined): void {
    if (nonce === undefined) return;
    this.#nonces.push(nonce);
    if (this.#nonces.length > this.#max) this.#nonces.shift();
  }

  /** The newest one, which is then nobody else's. */
  take(): string | undefined {
    return this.#nonces.pop();
  }
}
