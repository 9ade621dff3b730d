import { BlockList, isIPv6 } from "node:net";

/** RFC 6890 and RFC 6598: addresses that no CA on the internet reaches. */
const NOT_PUBLIC = listOf([
  ...["0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"],
  ...["172.16.0.0/12", "192.168.0.0/16", "240.0.0.0/4"],
  ...["::/128", "::1/128", "fc00::/7", "fe80::/10"],
]);
const LOOPBACK = listOf(["127.0.0.0/8", "::1/128"]);

/** Can it be reached from the internet at all? */
export function isPublic(address: string): boolean {
  return !isIn(NOT_PUBLIC, address);
}

/** Is it an address of this machine, loopback ones included? */
export function isOwn(address: string, own: readonly string[]): boolean {
  return own.includes(address) || isIn(LOOPBACK, address);
}

/** Does this machine have an address of the same family that the internet can reach? */
export function hasPublicLike(address: string, own: readonly string[]): boolean {
  return own.some((each) => isIPv6(each) === isIPv6(address) && isPublic(each));
}

/** Does this machine have an address of the same family beyond its own cable? */
export function hasRoutedLike(address: string, own: readonly string[]): boolean {
  return own.some(
    (each) => isIPv6(each) === isIPv6(address) && !isIn(LOOPBACK, each) && !/^fe[89ab]/i.test(each),
  );
}

function isIn(list: BlockList, address: string): boolean {
  return list.check(address, isIPv6(address) ? "ipv6" : "ipv4");
}

function listOf(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [net = "", bits] = range.split("/");
    list.addSubnet(net, Number(bits), isIPv6(net) ? "ipv6" : "ipv4");
  }
  return list;
}
