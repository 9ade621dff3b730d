/** What a reader makes of a value of the configuration: its meaning, or what is wrong with it. */
export type Reading<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly why: string };

/** A value that was understood. */
export function read<Value>(value: Value): Reading<Value> {
  return { ok: true, value };
}

/** One that was not; `why` says what is wrong, then what would be right, and never repeats the value. */
export function wrong(why: string): { readonly ok: false; readonly why: string } {
  return { ok: false, why };
}
