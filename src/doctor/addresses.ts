import { isIPv6 } from "node:net";
import { addressesIn, isLoopbackAddress } from "../base/address-range.ts";

/** RFC 6890 and RFC 6598: addresses that no CA on the internet reaches. */
const isPrivate = addressesIn([
  ...["0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"],
  ...["172.16.0.0/12", "192.168.0.0/16", "240.0.0.0/4"],
  ...["::/128", "::1/128", "fc00::/7", "fe80::/10"],
]);

/** Can it be reached from the internet at all? */
export function isPublic(address: string): boolean {
  return !isPrivate(address);
}

/** Is it an address of this machine, loopback ones included? */
export function isOwn(address: string, own: readonly string[]): boolean {
  return own.includes(address) || isLoopbackAddress(address);
}

/** Does this machine have an address of the same family that the internet can reach? */
export function hasPublicLike(address: string, own: readonly string[]): boolean {
  return own.some((each) => isIPv6(each) === isIPv6(address) && isPublic(each));
}

/** Does this machine have an address of the same family beyond its own cable? */
export function hasRoutedLike(address: string, own: readonly string[]): boolean {
  return own.some(
    (each) =>
      isIPv6(each) === isIPv6(address) && !isLoopbackAddress(each) && !/^fe[89ab]/i.test(each),
  );
}
