import type { CertificateName } from "../base/certificate-name.ts";
import type { Config, Host } from "../config/config.ts";
import type { Storage } from "../storage/storage.ts";
import { AttemptMemory, type AttemptSteps } from "./attempts.ts";
import type { CaAccess } from "./ca-access.ts";
import { configurationOf } from "./configuration.ts";
import type { Holdings } from "./holdings.ts";
import { judge } from "./judge.ts";

/** What the memory of attempts stands on. */
export interface RememberingSteps extends Pick<AttemptSteps, "clock" | "log" | "random"> {
  readonly config: Config;
  readonly storage: Storage;
  /** The entry whose certificate is made out to this name. */
  findHost(name: CertificateName): Host | undefined;
}

/** Plugs the memory of attempts into what it asks. */
export function rememberAttempts(
  { config, storage, findHost, clock, log, random }: RememberingSteps,
  { holdings, cas }: { readonly holdings: Holdings; readonly cas: CaAccess },
): AttemptMemory {
  return new AttemptMemory({
    ...{ clock, log, random, judge },
    store: storage.attempts,
    hasOrder: async (host) => {
      const order = await storage.orders.load(host);
      return order !== undefined && order.key !== holdings.get(host)?.certificate?.files.key;
    },
    directoryOf: (issuer) => cas.endpoints.directoryOf(issuer),
    caaIdentitiesOf: (directory) => cas.caaIdentitiesOf(directory) ?? [],
    configurationOf: (host) => configurationOf(config, findHost(host)),
  });
}
