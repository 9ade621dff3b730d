import { type Finding, fine, listed, problem } from "./finding.ts";

/** One address that the configuration wants to listen on, tried while nothing runs. */
export interface ListenerSight {
  readonly what: "https" | "http";
  /** As the file spells it. */
  readonly address: string;
  /** Why it could not be had: `EADDRINUSE` …; `undefined`: it could. */
  readonly code: string | undefined;
  /** Does what listens there show a certificate of this storage? Then it is the program of this configuration. */
  readonly isOurs?: boolean;
}

/** Could the program listen where it is to? */
export function findingsOfListeners(sights: readonly ListenerSight[]): readonly Finding[] {
  const open = sights.filter(({ code }) => code === undefined).map(({ address }) => address);
  return [
    ...(open.length > 0 ? [fine("listener.free", `${listed(open)} can be listened on`)] : []),
    ...sights.flatMap(ofListener),
  ];
}

function ofListener({ what, address, code, isOurs }: ListenerSight): readonly Finding[] {
  if (isOurs === true)
    return [fine("listener.ours", `${address} serves what this storage holds: it is Latchkey's`)];
  switch (code) {
    case undefined:
      return [];
    case "EADDRINUSE": {
      const saw = `another program listens on ${address}`;
      const remedy = `Stop it (find it with: ss -ltnp; it may be systemd's latchkey-${what}.socket, which is as it should be)`;
      return [problem("listener.taken", saw, remedy)];
    }
    case "EACCES": {
      const saw = `${address} cannot be listened on by this user`;
      const remedy =
        "Ports below 1024 need the capability CAP_NET_BIND_SERVICE, or sockets from systemd";
      return [problem("listener.forbidden", saw, remedy)];
    }
    case "EADDRNOTAVAIL": {
      const remedy = `Correct listen.${what}, or give this machine that address`;
      return [problem("listener.no-address", `this machine does not have ${address}`, remedy)];
    }
    default:
      return [
        problem(
          "listener.failed",
          `${address} cannot be listened on (${code})`,
          `See listen.${what}`,
        ),
      ];
  }
}
