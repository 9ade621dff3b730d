/** One call that is measured. */
export interface MicroCase {
  readonly name: string;
  /** What comes of each call, or the measurement means nothing. */
  readonly expected: string;
  run(): string | undefined;
}
