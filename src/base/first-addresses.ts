import { type LookupAddress, lookup } from "node:dns";
import { isIP, type LookupFunction } from "node:net";

/** The first `max` addresses of each family, in the order they came: a zone may have hundreds, and one family may lead nowhere. */
export function firstOfEach(
  addresses: readonly LookupAddress[],
  max: number,
): readonly LookupAddress[] {
  const counts = new Map<number, number>();
  return addresses.filter(({ family }) => {
    const count = (counts.get(family) ?? 0) + 1;
    counts.set(family, count);
    return count <= max;
  });
}

/** As {@link firstOfEach}, for addresses as text. */
export function firstTexts(addresses: readonly string[], max: number): readonly string[] {
  const typed = addresses.map((address) => ({ address, family: isIP(address) }));
  return firstOfEach(typed, max).map(({ address }) => address);
}

/** Asks the system as `node:dns` does, for `net.connect` and its like, which try no more than `max` of each family. */
export function lookupFirst(max: number): LookupFunction {
  return (name, options, callback) => {
    lookup(name, { ...options, all: true }, (error, addresses) => {
      const [first, ...others] = firstOfEach(addresses ?? [], max);
      if (error !== null || first === undefined) callback(error, []);
      else if (options.all === true) callback(null, [first, ...others]);
      else callback(null, first.address, first.family);
    });
  };
}
