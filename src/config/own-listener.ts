import { isIPv4, isIPv6 } from "node:net";
import { isLoopbackAddress, unmapped } from "../base/address-range.ts";
import { parseIpAddress } from "../base/ip-address.ts";
import type { BackendAddress } from "./backend-address.ts";
import type { Listen, ListenAddress } from "./config.ts";
import type { TcpAddress } from "./destination.ts";
import type { Path } from "./faults.ts";
import { formatListen } from "./format-address.ts";
import type { HostPlace } from "./host-place.ts";
import type { WrittenHost, WrittenPath } from "./host-schema.ts";
import { entriesOf } from "./path-entry.ts";
import type { Desk } from "./surroundings.ts";

const LOOPBACK = ["127.0.0.1", "::1"] as const;
const ANOTHERS =
  "unless another program has the port, wanted the address of the service, or listen.http: [] to leave the port to it";

/** Where what leads there comes to, and whether that may be another program. */
interface OwnListener {
  readonly name: string;
  readonly mayBeAnother: boolean;
}

/**
 * Reports what leads back to a listener of ours: each request would come again, and go out again. Only
 * what is certain without DNS, and not for listeners whose address is not known yet (`fd:`, `LISTEN_FDS`,
 * any free port). HTTPS may be served beside another program on port 80: what leads there is only warned of.
 */
export function reportLoops(written: WrittenHost, { path, settings, desk }: HostPlace): void {
  if (settings.faulty.has("listen")) return;
  const { passThrough } = written;
  const entries = written.paths === undefined ? [] : entriesOf(written, path);
  const ways = [
    ...waysOf(written, path),
    ...entries.flatMap((entry) => waysOf(entry.written, entry.path)),
    ...(passThrough === undefined
      ? []
      : [{ at: [...path, "passThrough"], to: { kind: "tcp", address: passThrough.to } as const }]),
  ];
  for (const { at, to } of ways) {
    const listener = listenerAt(to, settings.listen, desk);
    if (listener === undefined) continue;
    const what = `leads to ${listener.name}, where Latchkey itself listens`;
    if (listener.mayBeAnother) desk.warn(at, `${what} ${ANOTHERS}`);
    else desk.report(at, `${what}, wanted the address of the service`);
  }
}

interface Way {
  readonly at: Path;
  readonly to: BackendAddress;
}

function waysOf({ to = [], auth }: Pick<WrittenPath, "to" | "auth">, path: Path): readonly Way[] {
  const service = typeof auth === "object" ? auth.forward : undefined;
  return [
    ...to.map((each) => ({ at: [...path, "to"], to: each })),
    ...(service === undefined ? [] : [{ at: [...path, "auth", "forward"], to: service.address }]),
  ];
}

/** The listener that a connection there comes to. */
function listenerAt(to: BackendAddress, listen: Listen, desk: Desk): OwnListener | undefined {
  if (to.kind === "unix") {
    const isAdmin = desk.resolve(to.path) === listen.admin;
    return isAdmin ? { name: "the admin socket", mayBeAnother: false } : undefined;
  }
  const hasPort = (listener: ListenAddress) =>
    listener.kind === "tcp" && listener.port === to.address.port;
  // Most ports are nobody's, and there may be ten thousand hosts: no address is looked at before.
  if (!listen.https.some(hasPort) && !listen.http.some(hasPort)) return undefined;
  // Sockets that are handed over stand in for all that is written.
  if (Number(desk.environment?.["LISTEN_FDS"] ?? 0) > 0) return undefined;
  const own = (desk.addresses ?? []).map(plain);
  const isReached = (listener: ListenAddress) => isReachedAt(to.address, listener, own);
  const https = listen.https.find(isReached);
  const found = https ?? listen.http.find(isReached);
  return found && { name: formatListen(found), mayBeAnother: https === undefined };
}

function isReachedAt(to: TcpAddress, listener: ListenAddress, own: readonly string[]): boolean {
  if (listener.kind === "fd" || listener.port !== to.port) return false;
  const there = addressesOf(to.host);
  const { host = "::" } = listener;
  // A socket on :: takes IPv4 as well.
  if (host !== "::" && host !== "0.0.0.0")
    return addressesOf(host).some((each) => there.includes(each));
  const isTaken = host === "::" ? () => true : isIPv4;
  return there.some((each) => isTaken(each) && (isLoopbackAddress(each) || own.includes(each)));
}

/** What a host leads to as far as it is known here: itself, but for what means this very machine. */
function addressesOf(host: string): readonly string[] {
  const address = plain(host);
  return ["localhost", "0.0.0.0", "::"].includes(address) ? LOOPBACK : [address];
}

/** One spelling of each address; names in lower case. */
function plain(host: string): string {
  const lower = unmapped(host.toLowerCase());
  return isIPv6(lower) ? (parseIpAddress(lower) ?? lower) : lower;
}
