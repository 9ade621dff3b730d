/** Who may in: passwords, and services that are asked. Unit in the name, reason beside it; for each worker. */
export const authLimits = {
  /** Of the value of an Authorization field that is looked at: room for a name and a passphrase of 700 bytes each. */
  basicCredentialsMaxCharacters: 2_048,
  /** Passwords hashed at once: half of Node's four threads, so that files, names and compression go on; 32 MiB each. */
  passwordChecksMax: 2,
  /** Others that wait for their turn, and for how long: a flood of guesses shall not become a flood of waiting. */
  passwordQueueMax: 64,
  passwordWaitMs: 10_000,
  /** Wrong passwords of one client: so many at once, then one more in this time. */
  passwordGuessesBurst: 10,
  passwordGuessEveryMs: 6_000,
  /** Clients whose guesses are counted; the one that was longest quiet is forgotten. */
  passwordClientsMax: 10_000,
  /** Passwords that were right are remembered, as a keyed hash, for so long: hashing takes 100 ms, a page has 50 parts. */
  passwordMemoryMs: 300_000,
  passwordMemoryMax: 1_000,
  /** Users of one `auth.basic`: more belong into a service behind `auth.forward`. */
  usersMax: 1_000,
  userMaxCharacters: 256,
  /** The whole answer of a service that is asked by `auth.forward`, unless the configuration says otherwise. */
  forwardAuthTimeoutMs: 10_000,
  /** Questions under way; a request beyond them is refused. */
  forwardAuthMax: 1_000,
  /** The body of its answer, a login page at most, not a download: a longer one is no answer. */
  forwardAuthBodyMaxBytes: 65_536,
} as const;
