/** The status page. Unit in the name, reason beside it. */
export const dashboardLimits = {
  /** A token that cannot be guessed at the pace below; what fits into a field is long enough. */
  dashboardTokenMinCharacters: 16,
  dashboardTokenMaxCharacters: 1_024,
  /** Connections to it at once: people look at it, and each browser opens a few. */
  dashboardConnectionsMax: 32,
  /** The head of a request, cookies of other services on this machine among it. */
  dashboardHeadMaxBytes: 16_384,
  /** A head that has not come whole by then never does. */
  dashboardHeadTimeoutMs: 5_000,
  /** A connection, with the page read by whoever asked: its end. */
  dashboardConnectionMs: 30_000,
  /** What is shown is at most so old: however many look, the manager looks for all of them once. */
  dashboardFreshMs: 1_000,
  /** Wrong tokens of one client: so many at once, then one more in this time. */
  dashboardGuessesBurst: 10,
  dashboardGuessEveryMs: 6_000,
  /** Clients whose guesses are counted; the one that was longest quiet is forgotten. */
  dashboardClientsMax: 1_000,
  /** Hosts and backends with a row of their own, those in trouble first; a page is some 300 KiB then. */
  dashboardRowsMax: 300,
  /** Troubles that are told at the top; the hosts they are about stand below anyway. */
  dashboardTroublesMax: 20,
  /** Longer than this no error is shown: a CA may answer with a whole page. */
  dashboardErrorMaxCharacters: 2_000,
} as const;
