import { type Clock, Deadline } from "../base/clock.ts";
import { codeOf, messageOf } from "../base/errors.ts";
import { hasNoProvider, providerOf } from "../certificate/dns-providers.ts";
import { findProofPlace, type ProofPlace, type ProofQuestion } from "../certificate/proof-place.ts";
import type { DnsEntry } from "../config/dns-entry.ts";
import { misleadingAlias } from "../dns/zone.ts";
import type { ProofSight, ProviderSight } from "./proof-findings.ts";

/** How long it is looked, for each part, and by which clock updates are signed. */
interface ProofLook {
  readonly timeoutMs: number;
  readonly clock: Clock;
}

const LATE = "no answer in time";

/** Where a proof of a name would go in DNS, and whether its provider would take it. Changes nothing. Rejects with the signal's reason. */
export async function lookAtProof(
  question: ProofQuestion,
  look: ProofLook,
  signal: AbortSignal,
): Promise<ProofSight> {
  using deadline = new Deadline(signal, look.timeoutMs);
  try {
    const place = await findProofPlace(question, deadline.signal);
    return { kind: "found", place, provider: await lookAtProvider(place, question, look, signal) };
  } catch (error) {
    signal.throwIfAborted();
    if (deadline.signal.aborted) return { kind: "unanswered", why: LATE };
    if (codeOf(error) !== "DNS_FAILED") throw error;
    return sightOf(error);
  }
}

function sightOf(error: unknown): ProofSight {
  const why = messageOf(error);
  if (hasNoProvider(error)) return { kind: "no-entry", why };
  const alias = misleadingAlias(error);
  if (alias !== undefined) return { kind: "misled", alias, why };
  return { kind: "unanswered", why };
}

async function lookAtProvider(
  { entry, name }: ProofPlace,
  { certificate }: ProofQuestion,
  { timeoutMs, clock }: ProofLook,
  signal: AbortSignal,
): Promise<ProviderSight> {
  const { kind } = entry.provider;
  using deadline = new Deadline(signal, timeoutMs);
  try {
    const { look } = providerOf(entry, { certificate }, clock);
    if (look === undefined || lacksSecrets(entry)) return { kind, says: "nothing" };
    await look(name, deadline.signal);
    return { kind, says: "yes" };
  } catch (error) {
    signal.throwIfAborted();
    if (deadline.signal.aborted) return { kind, says: "no", why: LATE };
    return { kind, says: "no", why: messageOf(error) };
  }
}

/** Those of the service alone, which this command has not (`config.unset`). */
function lacksSecrets({ provider }: DnsEntry): boolean {
  switch (provider.kind) {
    case "cloudflare":
      return provider.token === "";
    case "acme-dns":
      return Object.values(provider.accounts).some(({ subdomain }) => subdomain === "");
    default:
      return false;
  }
}
