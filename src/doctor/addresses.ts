import { isIPv6 } from "node:net";
import { isLoopbackAddress, isReservedAddress } from "../base/address-range.ts";

/** Can it be reached from the internet at all? */
export function isPublic(address: string): boolean {
  return !isReservedAddress(address);
}

/** Is it an address of this machine, loopback ones included? */
export function isOwn(address: string, own: readonly string[]): boolean {
  return own.includes(address) || isLoopbackAddress(address);
}

/** Does this machine have an address of the same family that the internet can reach? */
export function hasPublicLike(address: string, own: readonly string[]): boolean {
  return own.some((each) => isIPv6(each) === isIPv6(address) && isPublic(each));
}
