/** DNS: lookups and records. Unit in the name, reason beside it. */
export const dnsLimits = {
  dnsPort: 53,
  /** One question to one name server; a second try, since UDP loses. */
  dnsTimeoutMs: 3_000,
  dnsTries: 2,
  /** One request to a DNS provider, one dynamic update. */
  dnsProviderTimeoutMs: 30_000,
  /** `acme.dns` with `exec`: one run of the program, unless `timeout` says otherwise. */
  dnsExecTimeoutMs: 60_000,
  dnsExecTimeoutMaxMs: 240_000,
  /** Life of a record of ours in caches, in seconds: the least that Cloudflare takes. */
  dnsRecordTtlSeconds: 60,
  /** Until every authoritative server shows a record, looked at this often (CertMagic has the same). */
  dnsVisibleTimeoutMs: 120_000,
  dnsVisibleEveryMs: 2_000,
  /** A name server without an answer for so long is not waited for when the others show the record. */
  dnsSilentMs: 15_000,
  /** A record is taken away within this, and at a stop within `dnsStopMs`: else at the next start. */
  dnsRemoveTimeoutMs: 60_000,
  dnsStopMs: 3_000,
  /** First wait before a record that could not be taken away is tried again; doubles. */
  dnsRemoveRetryMinMs: 60_000,
  dnsRemoveRetryMaxMs: 3_600_000,
  /** A look at our own challenge before the CA is told: who does not see it in that time goes on all the same. */
  selfCheckTimeoutMs: 5_000,
  /**
   * From one round of looks whether what made a name fail is gone to the next, up to a tenth less. A look that takes
   * longer tells nothing, and so many are under way at once: a round over 384 silent names takes a minute.
   */
  preflightEveryMs: 600_000,
  preflightLookTimeoutMs: 5_000,
  preflightInFlightMax: 32,
  /**
   * Zones that a round looks for at one DNS provider. Cloudflare takes 1,200 requests in 5 minutes from one user, for
   * everything: at one for each zone, three where it is not seen, most of that is left to orders.
   */
  dnsProviderLooksMax: 200,
} as const;
