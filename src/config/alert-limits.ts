/** Alerts and what watches for them. Unit in the name, reason beside it. */
export const alertLimits = {
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
  /** Nobody wants to hear for years that a private CA's certificate of ten years ends: 30 d, time to make a new one by hand. */
  givenExpiresWithinMaxMs: 2_592_000_000,
  /** How often the dates of certificates given by hand are looked at, and how often the log tells of what lasts. */
  givenLookEveryMs: 600_000,
  givenToldEveryMs: 86_400_000,
  /** How often is looked whether their files have changed, by what the folder says: files that are being written change twice. */
  givenReadEveryMs: 5_000,
  /** How often a write is tried while nothing else is written: a disk fills up unseen. */
  storageCheckEveryMs: 300_000,
  /** The same while it could not be written into: whoever waits for room goes on soon after there is some. */
  storageRetryEveryMs: 10_000,
  /** How often is looked whether folders of hosts were deleted: one reading of the folder above them. */
  deletionLookEveryMs: 10_000,
  /** So many of the folders are looked into at each look, or a third of all: one takes some 50 µs. */
  deletionFoldersMin: 1_000,
  /** So long it is told of after all was written back: every look of whoever watches us sees it. */
  deletionToldMs: 600_000,
  /** `onDemand.ask` leaves questions open for so long: not a restart, but an outage. */
  askSilentMs: 300_000,
  /** When what was told cannot be written down, a manager that came back tells nothing before so long. */
  alertUnsavedMs: 600_000,
  /** One POST to the webhook, and the waits before it is tried again. */
  webhookTimeoutMs: 10_000,
  webhookWaitsMs: [2_000, 10_000, 30_000, 120_000],
  /** A program of the operator's: then it is killed. */
  commandTimeoutMs: 60_000,
  /** How often every name is looked at from outside; sooner while one is served wrongly, or not. */
  watchdogEveryMs: 600_000,
  /** The first round of a program comes this soon, and looks at so many names at most: a start has other things to do. */
  watchdogFirstMs: 5_000,
  watchdogFirstMax: 100,
  watchdogAgainMs: 60_000,
  /** Looks at one name in a round: connections go to workers by chance. */
  watchdogLooksMax: 16,
  /** So many names in a row, of those looked at, without an answer end a round: each costs a look's time. */
  watchdogSilentMax: 10,
  /** One look takes milliseconds; longer means that we do not answer. */
  servedLookMs: 3_000,
  /** A worker says which serial it serves within this: it has it in memory. */
  serialAskMs: 2_000,
  /** `onCertificate`: the waits after each failure, the last one again and again; several run at once. */
  commandWaitsMs: [60_000, 300_000, 900_000, 3_600_000],
  commandsInFlightMax: 4,
  /** How often is looked whether a certificate has come that a command waits for. */
  commandCheckEveryMs: 1_000,
  /** The same while no host has one: a name made on demand may bring it. */
  commandIdleMs: 60_000,
} as const;
