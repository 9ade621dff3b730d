import type { CertificateName } from "../base/certificate-name.ts";
import type { Clock } from "../base/clock.ts";
import type { Config, Host, Issuer } from "../config/config.ts";
import { limits } from "../config/limits.ts";
import type { Unbound } from "../process/messages.ts";
import { challengeTypesFor, type Listeners } from "./challenge-types.ts";
import type { Wait } from "./wait.ts";

/** What the wait for a listener depends on. */
export interface ListenerWaitSteps {
  readonly config: Pick<Config, "acme">;
  readonly reach: Listeners;
  readonly unbound: readonly Unbound[];
  /** The entry whose certificate is made out to this name. */
  findHost(name: CertificateName): Host | undefined;
  directoryOf(issuer: Issuer): string;
  readonly clock: Pick<Clock, "now">;
}

/**
 * A name whose every challenge needs a port that somebody else has is not ordered before that port is ours:
 * the order would be refused. `undefined` when there is another way, or when no port is missing.
 *
 * @param directory URL of the CA's whose turn it is.
 */
export function waitForListener(
  steps: ListenerWaitSteps,
  { host }: { readonly host: CertificateName },
  directory: string,
): Wait | undefined {
  const { config, findHost, reach, unbound, clock } = steps;
  const entry = findHost(host);
  const issuers = entry?.certificate.kind === "acme" ? entry.certificate.issuers : [];
  const issuer = issuers.find((each) => steps.directoryOf(each) === directory);
  if (unbound.length === 0 || issuer === undefined) return undefined;
  if (challengeTypesFor(entry, issuer, config.acme, reach).length > 0) return undefined;
  const why = unbound.map((each) => each.why).join("; ");
  const detail = `Cannot prove control of ${host}: ${why}`;
  return { code: "LISTEN_FAILED", until: clock.now() + limits.unreachableMinMs, detail };
}
