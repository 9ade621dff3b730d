import { addressOf, octetsOf, parseSocketAddress } from "./ip-address.ts";

/** Octets of an IPv6 address that name the network of one customer (RFC 6177 §2), whose addresses are all its own. */
const NETWORK_OCTETS = 8;

/** What one client is counted as: an IPv4 address, or the /64 of an IPv6 one. */
export function clientKeyOf(address: string): string {
  const plain = parseSocketAddress(address);
  if (plain === undefined || !plain.includes(":")) return plain ?? address;
  const network = addressOf(octetsOf(plain).fill(0, NETWORK_OCTETS));
  return `${network}/64`;
}
