/** What became of a configuration that was read again. */
export type ReloadOutcome =
  /** Every process is replaced by one that knows it, from now on; a line for each thing that differs. */
  | { readonly kind: "accepted"; readonly changes: readonly string[] }
  /** Everything stays as it is; a line for each fault of the file, if it is the file's. */
  | { readonly kind: "rejected"; readonly why: string; readonly faults: readonly string[] };

/** What whoever asked for it hears. */
export type ReloadAnswer =
  | ReloadOutcome
  /** Nobody said in time what became of it: it may still be followed. */
  | { readonly kind: "unanswered"; readonly why: string };
