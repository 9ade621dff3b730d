/** The front door: hellos, handshakes, tickets. Unit in the name, reason beside it. */
export const doorLimits = {
  /** A client still sending its ClientHello after this is idle or hostile. */
  helloTimeoutMs: 5_000,
  /** Handshake bytes we hold before a name is known; post-quantum hellos measure about 1.7 KiB. */
  helloMaxBytes: 16_384,
  /** TLS records that one ClientHello may be cut into. */
  helloMaxRecords: 64,
  /** A PROXY header of version 2, TLVs and all (nginx takes as much); it shares the hello's deadline. */
  proxyHeaderMaxBytes: 4_096,
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
  /**
   * Of them, those of one client (an IPv4 address, an IPv6 /64): many people may share one, but nobody takes all. 256
   * would be forty browsers of HTTP/1.1, six connections each, behind the NAT of an office or a mobile network.
   */
  connectionsPerClientMax: 2_500,
  /** Of the descriptors that the system lets one worker have, in percent: each connection may need a second one, to a backend. */
  descriptorShareForConnections: 40,
  /** Descriptors that connections never get: certificates, pipes, the log. */
  descriptorsReserved: 64,
  /** With fewer connections than this, which descriptors leave, a worker does not start: it would refuse nearly everybody. */
  connectionsMin: 16,
  /** What one worker should occupy at most; 10,000 connections with TLS need about 1 GiB. */
  workerMemoryMaxBytes: 2_147_483_648,
  /** Of its memory, and of the V8 heap, a worker counts on so much, in percent: the rest is for what comes before a look. */
  memoryUsableShare: 92,
  /** Beyond what a worker occupies at its start it always gets so much, however small the machine. */
  memoryGrowthMinBytes: 67_108_864,
  /** How often a worker looks at its memory and descriptors. */
  overloadLookMs: 500,
  /** From here on, in percent of what there is, every answer ends its connection. */
  overloadKeepAliveShare: 92,
  /** From here on connections between two requests are closed, the longest idle first. */
  overloadIdleShare: 96,
  /** From here on new connections are closed at once. */
  overloadRefuseShare: 100,
  /** Newcomers refused again and again for so long are a trouble … */
  overloadLastsMs: 5_000,
  /** … which is over when none was refused for so long. */
  overloadCalmMs: 15_000,
  /** Each of the three ends so many percent below where it began, so that it does not come and go. */
  overloadReliefShare: 5,
  /** A worker with fewer connections than this refuses none for its memory: what it holds then is not theirs. */
  overloadFewConnections: 256,
  /** TLS handshakes under way in one worker, about 1 ms of work each (measured). */
  handshakesInFlightMax: 1_000,
  /** When that is reached, one that has taken longer than this gives its place to a new one; if there is none, the new one is closed. */
  handshakeGraceMs: 1_000,
  /** `tls.Server`s one worker keeps alive (about 55 KiB each, measured). */
  contextsMax: 5_000,
  /** Pairs of files given by hand that a worker reads before anybody comes for them: 6 MiB, and half a second of its CPU. */
  givenAheadMax: 1_000,
  /** Names without a certificate that a worker remembers, so that a flood of them stays cheap. */
  absentNamesMax: 10_000,
  /** How long a worker believes that a name has no certificate before it asks again. */
  absentNameMs: 1_000,
  /** Ticket master keys change after this (RFC 9325 §4.4 asks for a week at most). */
  ticketRotationMs: 43_200_000,
  /** How long a session ticket may be used, in seconds. */
  ticketLifetimeSeconds: 3_600,
} as const;
