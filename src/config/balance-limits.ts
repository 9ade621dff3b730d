/** Which backend a request goes to, and how it is found out that one is down. Unit in the name, reason beside it. */
export const balanceLimits = {
  /** `weight`: beyond it no difference can be seen. */
  weightMax: 1_000,
  /** `maxConnections`. */
  backendConnectionsMax: 1_000_000,
  /** `slowStart`. */
  slowStartMinMs: 100,
  slowStartMaxMs: 3_600_000,
  /** A backend that starts slowly gets at least so much of its weight, in percent: with nothing it would learn nothing. */
  slowStartLeastPercent: 10,
  /** `ejectAfter`: failures in a row. */
  ejectAfterMax: 1_000,
  /** A backend that takes no connection, or fails too often, is passed over for so long, then twice as long each time … */
  backendDownMs: 2_000,
  /** … up to this: it may have been restarted at any moment. */
  backendDownMaxMs: 30_000,
  /** `backend.failed` is logged once in so long for each backend and cause: strangers choose how often it happens. */
  backendFailureQuietMs: 60_000,
  /** … and so many lines in that time altogether, whatever backends find to say. */
  backendFailuresMax: 256,
  /** Failing answers put at most so many of a route's backends out, in percent: beyond it the fault is not one of theirs. */
  ejectedMaxPercent: 50,
  /** How many backends one request may be tried on. */
  backendTriesMax: 5,
  /** Requests that are sent again, in percent of all of a route … */
  resendPercent: 20,
  /** … and so many a second besides, for routes with little to do … */
  resendsPerSecond: 3,
  /** … and no more than so many at once, however quiet it was before. */
  resendsMax: 100,
  /** Requests of one route that wait for a backend below its `maxConnections`, in one worker. */
  backendQueueMax: 1_000,
  /** Retry-After of a 503 when nothing better is known. */
  unavailableRetryAfterMs: 5_000,
  /** `health`: how often, how long, how many in a row, unless written; and the bounds of what may be. */
  healthEveryMs: 10_000,
  healthEveryMinMs: 100,
  healthEveryMaxMs: 3_600_000,
  healthTimeoutMs: 2_000,
  healthTimeoutMinMs: 10,
  healthTimeoutMaxMs: 60_000,
  healthyAfter: 2,
  unhealthyAfter: 3,
  healthRowMax: 100,
  /** Looks come up to so much sooner or later than `every` says, in percent, so that they do not all come at once. */
  healthJitterPercent: 10,
  /** Looks under way at once: sockets of the manager. */
  healthLooksMax: 256,
  /** An answer about the name of a backend holds as long as its zone says, at least so long … */
  nameTtlMinMs: 1_000,
  /** … and no longer than this: Docker says ten minutes for containers that move any time. */
  nameTtlMaxMs: 300_000,
  /** What is only in the hosts file, say, has no TTL. */
  nameTtlMs: 30_000,
  /** For finding out a TTL: the addresses wait for it. */
  nameTtlTimeoutMs: 2_000,
  /** How long a request waits for a new answer while there is an old one. */
  nameWaitMs: 1_000,
  /** Between two questions about a name that nobody answers for. */
  nameRetryMs: 5_000,
  /** How long the last good answer is used while nobody answers: then its addresses may be somebody else's. */
  nameKeptMs: 60_000,
  /**
   * An address that was in none of the answers for so long, since the first without it, is gone: load balancers' names
   * tell a few of their many addresses each time.
   */
  nameGoneMs: 60_000,
  /** Addresses of a name that are known of each family; in the time of a connection no more than 20 silent ones are tried. */
  nameAddressesMax: 32,
  /** The system's resolver takes one of four threads for each question, for up to half a minute; files need the others. */
  nameLookupsMax: 2,
  /** Far more names than backends that anybody has. */
  namesMax: 10_000,
  /** RFC 8305 §5: after so long without an answer the next address is tried. */
  nextAddressMs: 250,
} as const;
