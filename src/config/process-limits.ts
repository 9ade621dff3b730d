/** Processes, their channel and their ends. Unit in the name, reason beside it. */
export const processLimits = {
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
  /** A worker that could serve before it died, and that nobody else stands in for, is started again after this at most. */
  restartLastMaxMs: 1_000,
  /** So many children that end unasked … */
  crashesMax: 10,
  /** … so many times as many as the places they filled: all may end once, and at once, when memory runs out … */
  crashesOfEach: 2,
  /** … within this time are a trouble: a single one that dies at its start comes to that in 51 s … */
  crashesWithinMs: 60_000,
  /** … which is over when none has ended for so long: longer than the longest wait and a start together. */
  crashesCalmMs: 60_000,
  /** A process that is ready gives back what only its start has needed after so long: whatever waited for it is served first. */
  startMemoryAfterMs: 1_000,
  /** So long after the start the program is compiled for the next one, if it has to be: visitors and orders come first. */
  compileAfterMs: 5_000,
  /** The next reload waits so long for the one under way, whose children may never become ready. */
  reloadMaxMs: 10_000,
  /** Of why a reload was rejected, as alerts and `/healthz` tell it: a fault, and the path of its file. */
  rejectionMaxCharacters: 1_000,
  /** What cannot be listened on is tried again so often: whoever has it may end at any time. */
  listenRetryEveryMs: 10_000,
  /** SIGTERM to exit, at most. */
  drainMaxMs: 30_000,
  /** What is open in a worker that a reload replaces has so long to finish: a large download, a talk over a WebSocket … */
  reloadDrainMaxMs: 600_000,
  /** … but of so many such workers for each place only: each takes the memory of one that serves. The oldest ends as at SIGTERM, or at once when as many again do. */
  oldWorkersOfEach: 3,
  /** An access log that fails and works again by turns is told of so often. */
  logFailingEveryMs: 60_000,
  /** When all is done, what the log has left to say waits so long for its reader. */
  lastWordsMs: 500,
  /** A worker that met a fault of ours finishes what it has within this, then ends. */
  crashDrainMs: 10_000,
  /** The same signal again within this time is one keypress that reached the process twice. */
  signalRepeatMs: 1_000,
  /** One message of a worker: the longest names a host, a client and a fault. */
  workerMessageMaxBytes: 65_536,
  /** One of the supervisor or the manager: a configuration of 10,000 hosts, or as many credentials that could not be saved. */
  messageMaxBytes: 67_108_864,
  /** Certificates that cannot be saved, kept for the next manager, which gets all of them in one message: some 10 KiB each. */
  unsavedKeptMax: 4_000,
  /** What waits for a child that does not read loses what comes then: it is about to be killed as hung. */
  pipeBacklogMaxBytes: 134_217_728,
  /** Questions from one worker that wait for the manager. */
  asksMax: 1_000,
  /** A worker waits this long at its start for what the manager knows, then serves without it. */
  syncTimeoutMs: 1_000,
  /** A question waits until a manager that died or is replaced has been gone for so long; it is back within a second or two. */
  managerReturnMs: 5_000,
  /** So many hosts, those in trouble first, and as many backends have rows of their own in `GET /metrics`: some 10 MB of text. */
  metricsNamesMax: 20_000,
  /** Hosts whose answers are counted apart, the first ones of the configuration; all others together. What a worker says of them fits into one message. */
  metricsHostsMax: 100,
  /** A worker that has not said by now what it counted is left out of the answer. */
  metricsTimeoutMs: 2_000,
  /** Workers that have not acknowledged a challenge or a swap by now are not waited for. */
  acknowledgeTimeoutMs: 5_000,
} as const;
