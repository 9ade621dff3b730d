/** Certificates: orders, budgets, on demand. Unit in the name, reason beside it. */
export const certificateLimits = {
  /** How long a first visitor waits for a certificate before alert 80. */
  issueWaitMs: 30_000,
  /** How long a visitor waits for a renewal that is under way before the expired certificate is shown. */
  expiredWaitMs: 5_000,
  /** Handshakes parked for a certificate, in one worker: all together, and for one name. */
  parkedMax: 100,
  parkedPerHostMax: 50,
  /** An account that is to get a new key waits so long for its orders to end; visitors wait behind it. */
  accountIdleMaxMs: 20_000,
  /** One order from newOrder to the certificate, all polling included. */
  orderTimeoutMs: 300_000,
  /** A CA that could not be told of a revocation hears of it again: soon, for somebody may have the key, then twice as late … */
  revocationAgainMinMs: 300_000,
  /** … each time, up to so late. */
  revocationAgainMaxMs: 3_600_000,
  /** Orders under way at once, at one CA. */
  ordersInFlightMax: 10,
  /** A new attempt at one CA at most this often: a thousand names that are due at once come one by one. */
  orderPaceMs: 2_000,
  /**
   * What a public CA allows, kept as token buckets like its own (Let's Encrypt's rate limits, 2026-08).
   * New orders of an account: 300 in 3 h. Renewals do not count there; theirs is a bucket beside it.
   */
  budgetOrders: { burst: 300, everyMs: 36_000 },
  budgetRenewals: { burst: 300, everyMs: 36_000 },
  /** New certificates under one registered domain: 50 in 7 d. Renewals do not count. */
  budgetDomain: { burst: 50, everyMs: 12_096_000 },
  /** Certificates for exactly the same names: 5 in 7 d. Renewals count, but for those that the CA advised. */
  budgetNames: { burst: 5, everyMs: 120_960_000 },
  /** Failed authorizations of one name: 5 in an hour. */
  budgetFailures: { burst: 5, everyMs: 720_000 },
  /** New accounts from one address: 10 in 3 h. For private CAs too: one that forgets us again and again. */
  budgetAccounts: { burst: 10, everyMs: 1_080_000 },
  /** Staging environments forgive more: 1,500 orders in 3 h, 200 failures in an hour. */
  budgetStagingOrders: { burst: 1_500, everyMs: 7_200 },
  budgetStagingFailures: { burst: 200, everyMs: 18_000 },
  /** Budgets remembered at once; a name's is full again after 34 h, in which an account makes 6,800 orders at most. */
  budgetsMax: 10_000,
  /** `onDemand.ask`: one answer, and how many are asked for at once. */
  askTimeoutMs: 2_000,
  askInFlightMax: 8,
  /** Names new to us that `ask` hears of: 64 in any second, what a small service answers without noticing. */
  askRate: { burst: 32, everyMs: 31 },
  /** An answer of `ask` is believed for so long, and this many are remembered, yes and no each. */
  askCacheMs: 60_000,
  askCacheMax: 10_000,
  /** That it said nothing is remembered for so long: a service that starts again is back by then. */
  askSilenceMs: 5_000,
  /** How often it is seen whether `ask` refuses a name that nobody can know … */
  askProbeEveryMs: 600_000,
  /** … and while it does not, or says nothing. */
  askProbeAgainMs: 60_000,
  /** Letters of such a name, of 26: more than a service could list. */
  askProbeLetters: 20,
  /** Names whose stored certificates are read at once at the start; Node asks the disk for four things at once. */
  adoptedAtOnce: 8,
  /** Names made on demand that may hold a certificate at once. */
  onDemandNamesMax: 10_000,
  /** New names that one client may bring: a page of many sites at once, then 5 a minute, more than a person visits. */
  onDemandPerClient: { burst: 20, everyMs: 12_000 },
  /** New names of one registered domain: 40 in 7 d, four fifths of a CA's 50: the rest is for listed hosts. */
  onDemandPerDomain: { burst: 40, everyMs: 15_120_000 },
  /** Clients and domains counted at once; one that is forgotten has its whole budget again. */
  onDemandBudgetsMax: 10_000,
  /** Lines in the log about what strangers can cause at will, each kind: one in so long. */
  onDemandQuietMs: 60_000,
  /** Looking where a name leads: all questions, and one try at one name server, of two. */
  strayingTimeoutMs: 2_000,
  strayingTryMs: 900,
  /** Names looked up at once. */
  strayingInFlightMax: 16,
  /** What was found is believed for so long (a DNS record that was mended is seen after it), of so many names. */
  strayingCacheMs: 60_000,
  strayingCacheMax: 10_000,
  /** Our own addresses change seldom; the first so many listed hosts are asked about, which is enough to know them. */
  ownAddressesMs: 600_000,
  ownAddressesHostsMax: 16,
  /** The ladder after the CA refused; then the smaller of a day and a tenth of the remaining life. */
  refusedLadderMs: [60_000, 600_000, 6_000_000],
  refusedMinMs: 3_600_000,
  refusedMaxMs: 86_400_000,
  /** A failure that is dated later than this from now was dated by a clock that was ahead. */
  clockToleranceMs: 60_000,
  /** An attempt that was cut short goes on at once so often in a row, then it waits like a failed one: a crash loop costs three orders. */
  resumedAtOnceMax: 2,
  /** The ladder for what never reached the CA. */
  unreachableMinMs: 60_000,
  unreachableMaxMs: 900_000,
  /** After so many failures in a row an order no longer says what it replaces: that may be what the CA minds. */
  replacingAttemptsMax: 2,
  /** How soon a CA is asked again when to renew (RFC 9773 §4.3): its Retry-After within a minute and half a day,
   * an hour of it to spare … */
  renewalInfoMinMs: 60_000,
  renewalInfoMaxMs: 39_600_000,
  /** … and when it does not say, or gives nothing that can be used again and again. */
  renewalInfoUsualMs: 21_600_000,
  /** Questions of this kind to one CA at once: orders have the same connections. */
  renewalInfoInFlightMax: 2,
  /** Between two renewals of a name that a CA hurries: half of the day within which it may have to revoke (BR 4.9.1.1). */
  renewalRestMaxMs: 43_200_000,
  /** Each wait is moved by up to this part of itself, so that names part ways. */
  jitter: 0.1,
} as const;
