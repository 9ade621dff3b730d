/** What is spoken with a CA. Unit in the name, reason beside it. */
export const acmeLimits = {
  acmeConnectTimeoutMs: 10_000,
  acmeHeadersTimeoutMs: 30_000,
  acmeRequestTimeoutMs: 60_000,
  /** An answer of a CA; the largest real one, a chain, is under 10 KiB. */
  acmeAnswerMaxBytes: 262_144,
  /** Other chains of one certificate that are looked at for `preferredChain`; real CAs offer up to three. */
  acmeAlternateChainsMax: 5,
  /** A nonce refused: at once again with the fresh one, this often (a CA that refuses half of them: 0.5¹⁶ fail). */
  acmeBadNonceRetriesMax: 15,
  acmeNoncePoolMax: 32,
  /** Waits between two looks at an order: growing between these, or Retry-After where that is longer. */
  acmePollMinMs: 250,
  acmePollMaxMs: 15_000,
  /** Waits of one attempt, for authorization and order together: about 4 min; the order goes on at the next one. */
  acmePollsMax: 20,
  /** Looks in a row that show a failure at a challenge which the CA does not try again: about 45 s of them. */
  acmeFailedLooksMax: 8,
  /** Retry-After is believed between these. */
  retryAfterMinMs: 60_000,
  retryAfterMaxMs: 86_400_000,
} as const;
