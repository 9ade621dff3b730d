/** HTTP/2 to backends (RFC 9113). Unit in the name, reason beside it. */
export const http2BackendLimits = {
  /** Sessions with one backend, in one worker: one is enough until all its streams are taken. */
  backendSessionsMax: 16,
  /** Streams of one session, if the backend allows more: beyond it one lost connection loses too much. */
  backendStreamsMax: 100,
  /**
   * Streams of one session that we take back before it gets no further ones: backends end the sessions of whoever
   * resets a lot, with all that is under way. Varnish stands 100 in a minute, Netty 200 in half a minute,
   * Envoy half of 500 requests, nghttp2 and Node.js 1,000 …
   */
  backendResetsMax: 50,
  /** … and one of them is forgotten every so often: Varnish's 100 in a minute are 0.6 s each. */
  backendResetForgetMs: 2_000,
  /** Requests of one worker that wait for a session with one backend, or for a stream of one. */
  backendSessionQueueMax: 1_000,
  /** A session without a stream; backends that want it gone sooner say so by GOAWAY. */
  backendSessionIdleMs: 60_000,
  /** Requests are under way and nothing has come for so long: a PING asks whether anybody is there … */
  backendSilenceMs: 10_000,
  /** … and without an answer to it within this the session is lost. */
  backendPongMs: 10_000,
  /** PINGs without anything else from the backend between them … */
  backendPingsMax: 3,
  /** … that come sooner after one another than this: gRPC's servers count the third of those as abuse (their default is five minutes). */
  backendPingPauseMs: 310_000,
  /** An https backend that says it wants HTTP/1.1 (RFC 9113 §7) gets it for so long; then it may choose again. */
  backendHttp1Ms: 600_000,
  /** Of a request's body, kept until its answer begins: a backend that refuses a stream has not looked at it, and it may go again. */
  keptBodyMaxBytes: 16_384,
  /** What may come of all answers of a session before it is read: slow clients hold up their own streams only. */
  backendSessionWindowBytes: 1_048_576,
  /** What nghttp2 may hold for one session: bodies that wait for windows. */
  backendSessionMemoryMegabytes: 32,
} as const;
