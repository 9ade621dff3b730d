/** The configuration itself, and its defaults. Unit in the name, reason beside it. */
export const configLimits = {
  /** A configuration file; 10,000 hosts in long form take about 1 MiB. */
  configMaxBytes: 10_485_760,
  /** Files that `include` leads to; together they may be as large as one configuration file. */
  includedFilesMax: 1_000,
  /** `watch`: an editor has written its file, and the next look finds it the same, within twice this. */
  watchEveryMs: 1_000,
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
