/**
 * What this program answers for a short while and nobody else can, in the way of challenges: who finds it where a
 * name leads has found this program. Random, and worth nothing to a CA.
 */
export interface Probe {
  /** `http://HOST/.well-known/acme-challenge/TOKEN` answers with `words`. */
  readonly token: string;
  readonly words: string;
  /** PEM of what a handshake for `acme-tls/1` is shown; `undefined` while a real challenge may stand there. */
  readonly chain: string | undefined;
}
