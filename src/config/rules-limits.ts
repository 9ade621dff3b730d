/** What holds for requests beside where they go. Unit in the name, reason beside it. */
export const rulesLimits = {
  /** A page of ours; it travels to every worker with the configuration, once for each path that has it. */
  pageMaxBytes: 65_536,
  /** `rateLimit`: beyond these it is a mistake; memory does not depend on them. */
  rateRequestsMax: 1_000_000,
  ratePerMinMs: 100,
  ratePerMaxMs: 86_400_000,
  /** Clients that one rate limit knows in one worker, about 300 bytes each; see `rate-limiter.ts` for what happens beyond. */
  rateClientsMax: 20_000,
  /** Buckets that clients beyond them share. */
  rateSharedBuckets: 256,
  /** Clients that all workers together tell each other of, ten times a second: about 30 KiB each time for each of them. */
  rateNewsMax: 256,
  /** So many messages about that are sent at once, before they are gathered: a client that asks one request after the other meets one rate. */
  rateAtOnceMax: 16,
  /** How long the manager gathers what workers tell, once it has passed something on. */
  rateGatherMs: 25,
  /** `maintenance.retryAfter`: when clients may come again, unless it is written. */
  retryAfterMs: 300_000,
  retryAfterMinMs: 1_000,
  retryAfterMaxMs: 2_592_000_000,
  /** How often a marker file is looked for: so late may maintenance begin and end. */
  markerLookEveryMs: 500,
  /** `hsts`: ten years is for ever; 0 makes browsers forget. */
  hstsMaxMs: 315_360_000_000,
  /** What the preload list of browsers asks for. */
  hstsPreloadMinMs: 31_536_000_000,
} as const;
