import { type Facts, LatchkeyError } from "../base/errors.ts";

/** One TXT record: a value at a name. Values of others at the same name are nobody's business. */
export interface TxtRecord {
  /** As {@link parseDnsName} spells names. */
  readonly name: string;
  readonly value: string;
}

/** What puts records into a zone. Each call ends within its signal, and rejects with `DNS_FAILED`. */
export interface DnsProvider {
  /** Adds the record, beside whatever is at the name; adding it again changes nothing. */
  publish(record: TxtRecord, signal: AbortSignal): Promise<void>;
  /** Takes exactly this record away; one that is gone already is no failure. */
  remove(record: TxtRecord, signal: AbortSignal): Promise<void>;
  /**
   * Rejects when a record could not be put at a name, as far as can be told without changing anything;
   * `undefined`: nothing can be told.
   */
  readonly look?: ((name: string, signal: AbortSignal) => Promise<void>) | undefined;
}

/** RFC 6585 §4. */
const TOO_MANY_REQUESTS = 429;
/** RFC 1035 §2.3.4: a whole name in text form. */
const NAME_MAX_CHARACTERS = 253;
/** Underscores stand in names of DNS (RFC 8552), though not in hosts. */
const LABEL = /^[a-z0-9_-]{1,63}$/;

/** A name of DNS: lower case, no trailing dot; `undefined` for what is none, or has odd bytes in it. */
export function parseDnsName(text: string): string | undefined {
  const name = (text.endsWith(".") ? text.slice(0, -1) : text).toLowerCase();
  if (name.length > NAME_MAX_CHARACTERS) return undefined;
  return name.split(".").every((label) => LABEL.test(label)) ? name : undefined;
}

/** The name and every name above it, the top-level domain last. */
export function ancestry(name: string): readonly string[] {
  const labels = name.split(".");
  return labels.map((_, index) => labels.slice(index).join("."));
}

/** Says an error of a provider that it was asked too much (429)? */
export function isThrottled(error: unknown): boolean {
  return error instanceof LatchkeyError && error.facts["status"] === TOO_MANY_REQUESTS;
}

/** `Cannot <action>: <why>`, with `DNS_FAILED`. */
export function dnsFailure(
  action: string,
  why: string,
  cause?: unknown,
  facts: Facts = {},
): LatchkeyError {
  return new LatchkeyError("DNS_FAILED", `Cannot ${action}: ${why}`, facts, { cause });
}
