import { isLoopbackAddress } from "../base/address-range.ts";
import { readListenAddress } from "./addresses.ts";
import type { Dashboard, TcpListenAddress } from "./config.ts";
import type { WrittenDashboard } from "./dashboard-schema.ts";
import type { Path } from "./faults.ts";
import { limits } from "./limits.ts";
import { type Reading, read, wrong } from "./reading.ts";
import { readSecretAt, type WrittenSecret } from "./secret.ts";
import type { Desk } from "./surroundings.ts";

/** Fields of HTTP, and people who copy it, have to agree on every character. */
const TOKEN = /^[\x21-\x7e]+$/;
const FIRST = ["listen", "dashboard"] as const;

/** `host:port`, `[v6]:port` or `:port`: a dashboard is bound by the manager, to whom no socket is handed over. */
export function readDashboardAddress(text: string): Reading<TcpListenAddress> {
  const address = readListenAddress(text);
  if (!address.ok) return address;
  const { value } = address;
  return value.kind === "tcp"
    ? read(value)
    : wrong("is a descriptor, wanted an address such as 127.0.0.1:9180");
}

/** An address alone, or `off`. */
export function readDashboardText(text: string): Reading<TcpListenAddress | undefined> {
  if (text === "off") return read(undefined);
  return text === "on"
    ? wrong("says no address, wanted one such as 127.0.0.1:9180, or off")
    : readDashboardAddress(text);
}

/**
 * Where the dashboard is, and who may see it; `undefined`: there is none. What other machines can reach without a
 * token is a fault.
 */
export function readDashboard(written: WrittenDashboard, desk: Desk): Dashboard | undefined {
  if (written === undefined) return undefined;
  const { listen: address, token } = "kind" in written ? { listen: written } : written;
  if (token === undefined && !isLoopback(address.host)) {
    desk.report(
      addressPathOf(written),
      "can be reached from other machines, wanted a loopback address such as 127.0.0.1:9180, or { listen: …, token: env:NAME }",
    );
  }
  return { address, token: token && readTokenAt(token, [...FIRST, "token"], desk) };
}

/** Where the address of a dashboard is written. */
export function addressPathOf(written: WrittenDashboard): Path {
  return written !== undefined && "kind" in written ? FIRST : [...FIRST, "listen"];
}

/** Does nobody but this machine get there? */
function isLoopback(host: string | undefined): boolean {
  return host !== undefined && (host.toLowerCase() === "localhost" || isLoopbackAddress(host));
}

function readTokenAt(written: WrittenSecret, path: Path, desk: Desk): string {
  const token = readSecretAt(written, path, desk);
  if (token === "") return token; // told already, or not looked up
  const { dashboardTokenMinCharacters: min, dashboardTokenMaxCharacters: max } = limits;
  if (token.length < min || token.length > max)
    desk.report(path, `is ${token.length} characters long, wanted ${min} to ${max}`);
  else if (!TOKEN.test(token))
    desk.report(path, "has characters that are no visible ASCII, wanted letters and digits");
  return token;
}
