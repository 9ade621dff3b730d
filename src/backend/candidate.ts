/** One of several backends, as the ways of choosing among them see it. */
export interface Candidate {
  /** How much of the requests it is to get, beside the others; above 0. */
  readonly weight: number;
  /** How much it may get of this request: its weight, less while it starts slowly; 0: it may not be chosen. */
  readonly share: number;
  /** Requests under way there, of this worker. */
  readonly active: number;
  /** What tells it from the others when clients are dealt out: 32 bits. */
  readonly seed: number;
  /** What {@link chooseInRotation} remembers of its last turns. */
  credit: number;
}
