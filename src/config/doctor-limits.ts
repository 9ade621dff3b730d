/** What `doctor` looks at. Unit in the name, reason beside it. */
export const doctorLimits = {
  /** One look at one thing from outside; CAs wait about as long. */
  doctorLookTimeoutMs: 5_000,
  /** Everything: a person waits for it. */
  doctorTimeoutMs: 120_000,
  /** Hosts looked at unasked, and at once; addresses of each; CAs. */
  doctorHostsMax: 200,
  doctorInFlightMax: 8,
  doctorAddressesMax: 8,
  doctorCasMax: 16,
  /** A look-up that takes longer is slow: validators give up after some seconds. */
  dnsSlowMs: 2_000,
  /** A clock that is off by more is told, and by more than that makes certificates of now not yet valid. */
  clockOffAdviceMs: 60_000,
  clockOffProblemMs: 300_000,
  /** Less free space is too little for an issuance (64 KiB are probed), or soon will be. */
  storageFreeMinBytes: 131_072,
  storageFreeAdviceBytes: 10_485_760,
  /** How long a probe of the operator's is answered, and how many at once: longer than all looks at one host. */
  probeLifeMs: 30_000,
  probesMax: 64,
} as const;
