/** Every number in the program as it comes: unit in the name, reason beside it. */
const defaults = {
  // ── the front door ──────────────────────────────────────────────────────────────────────────
  /** A client still sending its ClientHello after this is idle or hostile. */
  helloTimeoutMs: 5_000,
  /** Handshake bytes we hold before a name is known; post-quantum hellos measure about 1.7 KiB. */
  helloMaxBytes: 16_384,
  /** TLS records that one ClientHello may be cut into. */
  helloMaxRecords: 64,
  /** From the end of the ClientHello to the end of the handshake. */
  handshakeTimeoutMs: 10_000,
  /** A handshake of the CA's validator (Traefik CVE-2026-22045: left open, they pile up). */
  challengeHandshakeTimeoutMs: 5_000,
  /** After an alert or a last answer: how long, and for how many bytes, we stay so that it is read. */
  lingerTimeoutMs: 1_000,
  lingerMaxBytes: 65_536,
  /** Challenges answered at once by one worker; the oldest goes (`ordersInFlightMax` names need a few). */
  challengesMax: 1_000,
  /** Lines about refused connections in the log, a second; the rest are counted. */
  refusalLinesPerSecond: 10,
  /** Names are at most this deep in labels when certificates are made on demand (public CAs stop at 10). */
  onDemandMaxLabels: 8,
  /** Connections one worker holds at once; beyond it new ones are closed at once. */
  connectionsMax: 10_000,
  /** `tls.Server`s one worker keeps alive (about 55 KiB each, measured). */
  contextsMax: 5_000,
  /** Names without a certificate that a worker remembers, so that a flood of them stays cheap. */
  absentNamesMax: 10_000,
  /** How long a worker believes that a name has no certificate before it asks again. */
  absentNameMs: 1_000,
  /** Ticket master keys change after this (RFC 9325 §4.4 asks for a week at most). */
  ticketRotationMs: 43_200_000,
  /** How long a session ticket may be used, in seconds. */
  ticketLifetimeSeconds: 3_600,

  // ── HTTP ────────────────────────────────────────────────────────────────────────────────────
  /** Absolute, from the first byte of a request to the end of its head. */
  headTimeoutMs: 10_000,
  /** A whole request or response head. */
  headMaxBytes: 16_384,
  /** Fields in one head. */
  headMaxFields: 100,
  /** The request target (RFC 9112 §3 asks for at least 8,000). */
  targetMaxBytes: 8_192,
  /** A chunk-size line with its extensions. */
  chunkLineMaxBytes: 1_024,
  /** All trailer fields of a message. */
  trailersMaxBytes: 8_192,
  /** Between two requests of a client connection. */
  keepAliveTimeoutMs: 60_000,
  /** While draining: a connection that was just made sends its first request within this, or is idle. */
  firstRequestTimeoutMs: 1_000,
  /** Then `Connection: close`, so that memory and routing get fresh. */
  requestsPerConnectionMax: 1_000,
  /** A client that sends nothing of its body for so long. */
  bodyIdleTimeoutMs: 30_000,
  /** After the first `bodyGraceMs` a body must have come at least this fast, in bytes a second. */
  bodyMinBytesPerSecond: 500,
  bodyGraceMs: 10_000,
  /** A client that takes nothing of its answer for so long. */
  writeIdleTimeoutMs: 60_000,
  /** What may wait in memory in one direction of one stream. */
  bufferMaxBytes: 65_536,
  /** A request body nobody wants any more is read to here, then the connection is closed. */
  drainMaxBytes: 65_536,
  drainTimeoutMs: 1_000,
  /** 1xx answers passed on before the final one. */
  interimMax: 10,
  /** Default deadlines towards a backend. */
  backendConnectTimeoutMs: 5_000,
  backendFirstByteTimeoutMs: 60_000,
  backendIdleTimeoutMs: 60_000,
  /** How often deadlines of connections are looked at: each may be met this much late. */
  tickMs: 100,
  /** A request id of a client is kept when it has no more characters than this. */
  requestIdMaxCharacters: 128,
  /** Parts of an answer or request up to this size are joined into one write: copying costs less than a system call. */
  joinMaxBytes: 16_384,
  /** Buffers of `bufferMaxBytes` kept for pieces that wait to be written: 4 MiB in one worker. */
  spareBuffersMax: 64,
  /** Idle pooled connections: below the 5 s after which Node's own servers close theirs. */
  backendPoolIdleMs: 4_000,
  /** Idle connections kept for one backend, in one worker. */
  backendPoolMax: 256,
  /** A backend that refused a connection is passed over for so long. */
  backendDownMs: 2_000,
  /** A tunnel (WebSocket, tcp://, pass-through) without a byte for so long. */
  tunnelIdleTimeoutMs: 3_600_000,

  // ── processes ───────────────────────────────────────────────────────────────────────────────
  /** A child says this often that it is alive … */
  heartbeatEveryMs: 1_000,
  /** … and is killed and replaced when it has not for so long. */
  heartbeatTimeoutMs: 5_000,
  /** A child that is not ready yet may be silent for so long (it reads its programs from disk). */
  readyTimeoutMs: 20_000,
  /** First wait before a dead child is started again; doubles with each early death. */
  restartMinMs: 100,
  restartMaxMs: 30_000,
  /** A child that lived this long starts from the first wait again. */
  restartForgetMs: 10_000,
  /** The next reload waits so long for the one under way, whose children may never become ready. */
  reloadMaxMs: 10_000,
  /** SIGTERM to exit, at most. */
  drainMaxMs: 30_000,
  /** A worker that met a fault of ours finishes what it has within this, then ends. */
  crashDrainMs: 10_000,
  /** The same signal again within this time is one keypress that reached the process twice. */
  signalRepeatMs: 1_000,
  /** Questions from one worker that wait for the manager. */
  asksMax: 1_000,
  /** A worker waits this long at its start for what the manager knows, then serves without it. */
  syncTimeoutMs: 1_000,
  /** A question waits so long for a manager that died or is replaced; it is back within a second or two. */
  managerReturnMs: 5_000,
  /** Workers that have not acknowledged a challenge or a swap by now are not waited for. */
  acknowledgeTimeoutMs: 5_000,

  // ── certificates ────────────────────────────────────────────────────────────────────────────
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
  /** An order that was interrupted so often in a row waits like a failed one: a crash loop must not ask without end. */
  resumedAtOnceMax: 3,
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

  // ── ACME ────────────────────────────────────────────────────────────────────────────────────
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
  /** Retry-After is believed between these. */
  retryAfterMinMs: 60_000,
  retryAfterMaxMs: 86_400_000,

  // ── alerts ──────────────────────────────────────────────────────────────────────────────────
  /** How often the program looks whether something is to be told. */
  alertCheckEveryMs: 2_000,
  /** What lasts is told again, at most, after a day. */
  alertReminderMs: 86_400_000,
  /** What comes and goes is told once in so long. */
  alertQuietMs: 3_600_000,
  /** What no receiver has taken is told again. */
  alertRetellMs: 900_000,
  /** Messages at once, and then one more each time; the last one to be had tells of all the rest. */
  alertRate: { burst: 10, everyMs: 300_000 },
  /** Messages that wait for a receiver that is slow; the others are as due later as they are now. */
  alertQueueMax: 20,
  /** Troubles that are remembered as told; a file of 1 MiB at most. */
  troublesMax: 1_000,
  /** `alerts.expiresWithin`: a renewal is due with a third of the life left, and then fails for days. */
  alertExpiresWithin: 0.25,
  /** How often a write is tried while nothing else is written: a disk fills up unseen. */
  storageCheckEveryMs: 300_000,
  /** `onDemand.ask` leaves questions open for so long: not a restart, but an outage. */
  askSilentMs: 300_000,
  /** When what was told cannot be written down, a manager that came back tells nothing before so long. */
  alertUnsavedMs: 600_000,
  /** One POST to the webhook, and the waits before it is tried again. */
  webhookTimeoutMs: 10_000,
  webhookWaitsMs: [2_000, 10_000, 30_000, 120_000],
  /** A program of the operator's: then it is killed. */
  commandTimeoutMs: 60_000,
  /** How often every name is looked at from outside; sooner while one is served wrongly. */
  watchdogEveryMs: 600_000,
  watchdogAgainMs: 60_000,
  /** Looks at one name in a round: connections go to workers by chance. */
  watchdogLooksMax: 16,
  /** `onCertificate`: the waits after each failure, the last one again and again; several run at once. */
  commandWaitsMs: [60_000, 300_000, 900_000, 3_600_000],
  commandsInFlightMax: 4,
  /** How often is looked whether a certificate has come that a command waits for. */
  commandCheckEveryMs: 1_000,
  /** The same while no host has one: a name made on demand may bring it. */
  commandIdleMs: 60_000,

  // ── DNS ────────────────────────────────────────────────────────────────────────────
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
  /** Between two looks whether what made a name fail is gone, up to a tenth earlier; and this many names at once. */
  preflightEveryMs: 600_000,
  preflightInFlightMax: 8,

  // ── doctor ──────────────────────────────────────────────────────────────────────────────────
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

  // ── configuration ───────────────────────────────────────────────────────────────────────────
  /** A configuration file; 10,000 hosts in long form take about 1 MiB. */
  configMaxBytes: 10_485_760,
  /** Maps and lists inside one another; ours are 6 deep. */
  configMaxDepth: 32,
  /** Values that aliases may add up to (a few lines of them could stand for billions). */
  configMaxAliased: 1_000_000,
  /** A secret from `file:`; a token of a line, not a document. */
  secretMaxCharacters: 4_096,
  /** A PEM file that the configuration names; a whole system's root bundle is about 220 KiB. */
  pemMaxBytes: 1_048_576,
  /** `sockaddr_un` holds 108 bytes, the last of them NUL. */
  unixPathMaxBytes: 107,
  portMax: 65_535,
  /** `listen.https` and `listen.http`, and the ports of `https://` and `http://` without one. */
  httpsPort: 443,
  httpPort: 80,
  /** More than the cores of any machine this runs on. */
  workersMax: 256,
  /** `authority.lifetime`: a week unless written; no client refuses a life of up to 397 days. */
  authorityLifetimeMs: 604_800_000,
  authorityLifetimeMinMs: 60_000,
  authorityLifetimeMaxMs: 34_300_800_000,
  /** `renewal.checkEvery`. */
  renewalCheckEveryMs: 600_000,
  renewalCheckEveryMinMs: 1_000,
  renewalCheckEveryMaxMs: 86_400_000,
  /** `timeouts.*`: a wait of more than a day is a mistake. */
  timeoutMinMs: 1,
  timeoutMaxMs: 86_400_000,
  /** The body of `respond`: a short word, not a file. */
  respondBodyMaxBytes: 65_536,
} as const;

/** `16` is a number like any other once it may be changed. */
type Widened<Value> = Value extends number ? number : Value;

/** Every number in the program, as it is in force. */
export const limits: {
  readonly [Name in keyof typeof defaults]: Widened<(typeof defaults)[Name]>;
} = {
  ...defaults,
};

/**
 * Puts other numbers in force, and those that are not named back to what they are by default. To be called
 * before a process begins its work: what has been read is not read again.
 */
export function changeLimits(
  changes: Readonly<Partial<Record<keyof typeof defaults, number | undefined>>>,
): void {
  const written = Object.entries(changes).filter(([, value]) => value !== undefined);
  Object.assign(limits, defaults, Object.fromEntries(written));
}
