import { BlockList, isIPv4, isIPv6 } from "node:net";

/**
 * Tells whether an address belongs to one of `cidrs` (`10.0.0.0/8`, `2001:db8::/32`, or a single
 * address). An IPv4 address in IPv6 form (`::ffff:10.0.0.1`) counts as IPv4.
 *
 * @throws {TypeError} when one of them is not a CIDR: the configuration has checked them.
 */
export function addressesIn(cidrs: readonly string[]): (address: string) => boolean {
  if (cidrs.length === 0) return () => false;
  const list = new BlockList();
  for (const cidr of cidrs) add(list, cidr);
  return (address) => {
    const plain = unmapped(address);
    if (isIPv4(plain)) return list.check(plain, "ipv4");
    return isIPv6(plain) && list.check(plain, "ipv6");
  };
}

/** Is it of a range that nobody on the internet reaches (RFC 6890)? Those of examples count as public, for documents use them so. */
export const isReservedAddress = addressesIn([
  ...["0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"],
  ...["172.16.0.0/12", "192.168.0.0/16", "224.0.0.0/3"],
  ...["::/127", "fc00::/7", "fe80::/10", "ff00::/8"],
]);

/** Does it lead to this very machine, whichever that is? */
export const isLoopbackAddress = addressesIn(["127.0.0.0/8", "::1"]);

/** Does it lead no further than its own cable (RFC 3927, RFC 4291 §2.5.6)? */
export const isLinkLocalAddress = addressesIn(["169.254.0.0/16", "fe80::/10"]);

/** `::ffff:10.0.0.1`, as a dual-stack socket spells an IPv4 peer, becomes `10.0.0.1`. */
export function unmapped(address: string): string {
  const start = "::ffff:";
  if (!address.toLowerCase().startsWith(start)) return address;
  const rest = address.slice(start.length);
  return isIPv4(rest) ? rest : address;
}

function add(list: BlockList, cidr: string): void {
  const [address = "", prefix] = cidr.split("/");
  const family = isIPv4(address) ? "ipv4" : "ipv6";
  if (family === "ipv6" && !isIPv6(address)) {
    throw new TypeError(
      `Cannot use the range "${cidr}": it is not an address with a prefix length`,
    );
  }
  if (prefix === undefined) list.addAddress(address, family);
  else list.addSubnet(address, Number(prefix), family);
}
