/** How giving our account with one CA a new key went. */
export interface RolloverOutcome {
  /** URL of the CA's directory. */
  readonly directory: string;
  /** `refused`: not possible there, or nothing to change. After `failed` the CA is asked which key counts before it is used again. */
  readonly outcome: "done" | "failed" | "refused";
  readonly detail: string;
}
