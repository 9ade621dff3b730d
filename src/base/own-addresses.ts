import { networkInterfaces } from "node:os";

/** The addresses of this machine's interfaces now. */
export function ownAddresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((all = []) =>
    all.map(({ address }) => address),
  );
}
