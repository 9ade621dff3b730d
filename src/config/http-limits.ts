/** HTTP: heads, bodies, connections on both sides. Unit in the name, reason beside it. */
export const httpLimits = {
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
  /**
   * Then `Connection: close`, so that memory and routing get fresh. With HTTP/2 so many for each of `h2StreamsMax`, each
   * of which is worth a connection of HTTP/1.1: GOAWAY makes clients send again what was on its way, and some (h2load)
   * make no other connection.
   */
  requestsPerConnectionMax: 1_000,
  /** A client that sends nothing of its body for so long. */
  bodyIdleTimeoutMs: 30_000,
  /** After the first `bodyGraceMs` a body must have come at least this fast, in bytes a second. */
  bodyMinBytesPerSecond: 500,
  bodyGraceMs: 10_000,
  /** A client that takes nothing of its answer for so long. */
  writeIdleTimeoutMs: 60_000,
  /** What TLS says by itself (answers to KeyUpdate) and the client does not take, beside what it was sent; looked at so often. */
  tlsAnswersMaxBytes: 65_536,
  tlsAnswersLookMs: 1_000,
  /** What may wait in memory in one direction of one stream. */
  bufferMaxBytes: 65_536,
  /**
   * While no more of an answer than this waits for a client, the backend is read on: one piece of `bufferMaxBytes`
   * with its head. Then two may wait.
   */
  writeAheadMaxBytes: 69_632,
  /** A request body nobody wants any more is read to here, then the connection is closed. */
  drainMaxBytes: 65_536,
  drainTimeoutMs: 1_000,
  /** After the last answer of a connection, one that still sends is read for so long at most. */
  closingMaxMs: 10_000,
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
  /**
   * A request, or a passed-through connection in one worker, that has come here so often runs in a circle: an
   * application may ask its own site, which asks it again, but hardly any deeper.
   */
  passagesMax: 5,
  /** Parts of an answer or request up to this size are joined as text: up to here that costs less than a buffer. */
  joinMaxBytes: 4_096,
  /** So much of a head goes into one write with a large piece behind it. */
  headRoomBytes: 4_096,
  /** What a record of TLS holds at most, and a frame of HTTP/2 unless more was agreed on. */
  recordBytes: 16_384,
  /**
   * Buffers of `bufferMaxBytes` and `headRoomBytes` kept for pieces that wait to be written, and as many of `recordBytes`
   * and `headRoomBytes`: 5.5 MiB in one worker.
   */
  spareBuffersMax: 64,
  /** Idle pooled connections: below the 5 s after which Node's own servers close theirs. */
  backendPoolIdleMs: 4_000,
  /** Idle connections kept for one backend, in one worker. */
  backendPoolMax: 256,
  /** A tunnel (WebSocket, tcp://, pass-through) or a call of gRPC without a byte for so long. */
  tunnelIdleTimeoutMs: 3_600_000,
} as const;
