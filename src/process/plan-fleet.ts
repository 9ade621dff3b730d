import { join } from "node:path";
import { addressesIn } from "../base/address-range.ts";
import type { Config, Listen } from "../config/config.ts";
import { limits } from "../config/limits.ts";
import { withoutSecrets } from "../config/secret.ts";
import { type ChildPlan, FIRST_INHERITED_FD } from "./child.ts";
import type { FleetPlan } from "./fleet-plan.ts";
import type { Listener, Listeners } from "./listeners.ts";
import type { Address, Reach } from "./messages.ts";
import { permissionsOfWorker } from "./worker-permissions.ts";

/** The folder of what children run. */
const PROGRAMS = join(import.meta.dirname, "..");

/** What the children of a program are made of. */
export interface FleetParts {
  readonly config: Config;
  readonly listeners: Listeners;
  /** Descriptor of the file of the access log, if it has one. */
  readonly accessFd: number | undefined;
  /** Looked at anew for each manager. */
  readonly history: Pick<ChildPlan["configure"], "startedAt" | "configuredAt" | "rejection">;
  /** Where a child that is started now finds compiled code. */
  compiledCode(): string | undefined;
}

/** Every child as it is started from now on: what it inherits, may do and is told first. */
export function planFleet({
  config,
  listeners,
  accessFd,
  history,
  compiledCode,
}: FleetParts): FleetPlan {
  const fdsOf = [...listeners.https, ...listeners.http].map(({ fd }) => fd);
  const httpsFds = listeners.https.map((_, index) => FIRST_INHERITED_FD + index);
  const httpFds = listeners.http.map((_, index) => FIRST_INHERITED_FD + httpsFds.length + index);
  const accessLogFd = accessFd === undefined ? undefined : FIRST_INHERITED_FD + fdsOf.length;
  // Of an inherited socket that is not TCP there is no port to be known.
  const boundPort = firstPort(listeners.https) || limits.httpsPort;
  const publicHttpsPort = config.listen.publicHttpsPort ?? boundPort;
  const configure = {
    type: "configure",
    config: { ...config, listen: { ...config.listen, publicHttpsPort } },
    ...history,
    reach: {
      https: reachOf(listeners.https, config.listen),
      http: reachOf(listeners.http, config.listen),
    },
    unbound: listeners.unbound,
  } as const;
  const worker: FleetPlan["worker"] = (index, place) => {
    const compiled = compiledCode();
    return {
      address: `worker ${index}` satisfies Address,
      file: join(PROGRAMS, "worker.ts"),
      nodeFlags: permissionsOfWorker(config, compiled),
      compiled,
      fds: accessFd === undefined ? fdsOf : [...fdsOf, accessFd],
      configure: {
        ...configure,
        config: withoutSecrets(configure.config),
        ...{ httpsFds, httpFds, accessLogFd, era: 0, place, unsaved: [] },
      },
    };
  };
  const manager: FleetPlan["manager"] = (era, unsaved) => ({
    address: "manager",
    file: join(PROGRAMS, "manager.ts"),
    nodeFlags: [],
    compiled: compiledCode(),
    fds: [],
    configure: {
      ...{ ...configure, rejection: history.rejection }, // of now: a reload may have been rejected meanwhile
      ...{ httpsFds: [], httpFds: [], accessLogFd: undefined, era, place: 0, unsaved },
    },
  });
  return { workers: config.workers, manager, worker };
}

/** The port of the first of them; 0 when it is not known. */
export function firstPort(listeners: readonly Listener[]): number {
  return listeners[0]?.reach.port ?? 0;
}

function reachOf(listeners: readonly Listener[], { proxyProtocol }: Listen): Reach[] {
  const isLoadBalancer = addressesIn(proxyProtocol);
  return (
    listeners
      .filter(({ reach }) => reach.port > 0)
      // Who connects to an address of this machine comes from that very address.
      .map(({ reach }) => ({ ...reach, wantsProxyHeader: isLoadBalancer(reach.host) }))
  );
}
