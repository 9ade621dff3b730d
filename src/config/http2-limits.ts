/** HTTP/2 from clients (RFC 9113). Unit in the name, reason beside it. Node's own defaults are no limits. */
export const http2Limits = {
  /** Requests at once on one connection: RFC 9113 §6.5.2 asks for 100 at least, and Envoy and HAProxy stop there. */
  h2StreamsMax: 100,
  /** What a client may send of one body ahead of its backend: as much as with HTTP/1.1. */
  h2StreamWindowBytes: 65_536,
  /** The same for all bodies of a connection, so that a few that wait do not stop the others. */
  h2ConnectionWindowBytes: 1_048_576,
  /** The largest frame we take: RFC 9113 §4.2 allows no less. */
  h2FrameMaxBytes: 16_384,
  /** Memory of HPACK (RFC 7541 §4.2), in each direction: the default of RFC 9113 §6.5.2. */
  h2HeaderTableBytes: 4_096,
  /** A whole field section, as RFC 9113 §6.5.2 counts it: 32 bytes for each field beside its text. */
  h2HeaderListMaxBytes: 16_384,
  /**
   * Beyond it Node refuses further streams. A piece of `bufferMaxBytes` of each answer that waits counts in it, so
   * that with 2 a client that takes thirty downloads slowly would get no more, and `h2StreamsMax` need 7. What a
   * hostile connection holds in all, `npm run test:stories` measures (h2-slow-readers).
   */
  h2SessionMemoryMegabytes: 10,
  /** Entries of one SETTINGS frame: ten are defined. */
  h2SettingsMax: 32,
  /** PINGs and SETTINGS of ours that wait for their answer. */
  h2OutstandingMax: 10,
  /** Frames that nghttp2 finds invalid, requests beyond `h2StreamsMax` too, before the connection is cut: an honest client sends none. */
  h2InvalidFramesMax: 50,
  /** Streams that Node refuses for `h2SessionMemoryMegabytes` before the connection is cut. */
  h2RejectedStreamsMax: 20,
  /** Requests taken back (rapid reset, CVE-2023-44487): so many at once, then so many a second. */
  h2ResetBurst: 100,
  h2ResetsPerSecond: 20,
  /** The same for all connections of one client (an IPv4 address, an IPv6 /64), which may be an office: who connects anew gets no more. */
  h2ClientResetBurst: 500,
  h2ClientResetsPerSecond: 50,
  /**
   * While a client takes so much of its answers, for each that waits, none is given up: nobody sees how
   * much of one has left. A hundred at once ask for 10 kB a second, which EDGE has.
   */
  h2AnswerMinBytesPerSecond: 100,
  /** Bytes that belong to no request: so many at once, then so many a second (PING and SETTINGS floods and the like). */
  h2OverheadBurstBytes: 32_768,
  h2OverheadBytesPerSecond: 8_192,
  /**
   * In percent of the burst: from here on there are no more requests, and those under way are answered before the
   * connection ends, as HAProxy does with its glitches. Browsers, h2load and clients of gRPC stay near 0.
   */
  h2OverheadLeaveShare: 75,
  /** What a malformed or refused request costs of that (MadeYouReset, CVE-2025-8671): 32 at once. */
  h2FaultCostBytes: 1_024,
  /** What was on its way when we closed its stream comes within this: a window of 64 KiB at 64 kbit/s. */
  h2RestTimeoutMs: 10_000,
  /** Frames that carry a body or let an answer go on are no overhead: so many bytes for each piece. */
  h2PieceCreditBytes: 64,
  /** What a PING costs, which wants an answer. Each piece of an answer explains one: gRPC's clients measure the line with it. */
  h2PingCostBytes: 81,
  /** A piece of an answer explains one such credit for each step: two WINDOW_UPDATE frames, of the stream and of the connection, take 26 bytes. */
  h2UpdateStepBytes: 2_048,
} as const;
