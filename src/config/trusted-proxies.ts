import { BlockList, isIPv4, isIPv6 } from "node:net";

/**
 * Tells whether an address belongs to one of `cidrs` (`10.0.0.0/8`, `2001:db8::/32`, or a single
 * address). An IPv4 address in IPv6 form (`::ffff:10.0.0.1`) counts as IPv4.
 *
 * @throws {TypeError} when one of them is not a CIDR: the configuration has checked them.
 */
export function trustedProxies(cidrs: readonly string[]): (address: string) => boolean {
  if (cidrs.length === 0) return () => false;
  const list = new BlockList();
  for (const cidr of cidrs) add(list, cidr);
  return (address) => {
    const plain = unmapped(address);
    if (isIPv4(plain)) return list.check(plain, "ipv4");
    return isIPv6(plain) && list.check(plain, "ipv6");
  };
}

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
    throw new TypeError(`Cannot trust "${cidr}": it is not an address with a prefix length`);
  }
  if (prefix === undefined) list.addAddress(address, family);
  else list.addSubnet(address, Number(prefix), family);
}
