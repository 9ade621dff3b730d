import { isIPv6 } from "node:net";
import { networkInterfaces } from "node:os";
import { isLinkLocalAddress, isLoopbackAddress } from "./address-range.ts";

/** The addresses of this machine's interfaces now; none where a sandbox does not let us ask (it takes a netlink socket). */
export function ownAddresses(): readonly string[] {
  return Object.values(interfaces()).flatMap((all = []) => all.map(({ address }) => address));
}

function interfaces(): ReturnType<typeof networkInterfaces> {
  try {
    return networkInterfaces();
  } catch {
    return {};
  }
}

/** Has a machine with the addresses `own` one of the same family as `address` that leads beyond its own cable? */
export function hasRoutedLike(address: string, own: readonly string[]): boolean {
  return own.some(
    (each) =>
      isIPv6(each) === isIPv6(address) && !isLoopbackAddress(each) && !isLinkLocalAddress(each),
  );
}
