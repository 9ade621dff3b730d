import { octetsOf, parseSocketAddress } from "../base/ip-address.ts";
import type { Candidate } from "./candidate.ts";

/** FNV-1a, 32 bits. */
const FNV_BASIS = 0x811c9dc5;
const FNV_PRIME = 0x01000193;
/** Octets of an IPv6 address that name the network of one customer (RFC 6177 §2), whose addresses are all its own. */
const NETWORK_OCTETS = 8;
/** 2^32. */
const RANGE = 0x1_0000_0000;

/**
 * Weighted rendezvous hashing: every backend draws a lot for the client, and the best one has it. A
 * client moves only when its own backend goes, or when one comes whose lot is better: about its share
 * of them. `undefined` when none may be chosen.
 *
 * @param client Of {@link clientHash}.
 */
export function chooseForClient<Each extends Candidate>(
  candidates: readonly Each[],
  client: number,
): Each | undefined {
  let best: Each | undefined;
  let bestLot = 0;
  for (const each of candidates) {
    if (each.share === 0) continue;
    // By its weight and not its share: a slow start must not move clients twice.
    const lot = each.weight / -Math.log((mixed(each.seed ^ client) + 0.5) / RANGE);
    if (best !== undefined && lot <= bestLot) continue;
    best = each;
    bestLot = lot;
  }
  return best;
}

/** 32 bits that stand for a client: its IPv4 address, or the /64 of its IPv6 one. */
export function clientHash(address: string): number {
  if (!address.includes(":")) return textHash(address);
  const plain = parseSocketAddress(address);
  if (plain === undefined || !plain.includes(":")) return textHash(plain ?? address);
  let hash = FNV_BASIS;
  const octets = octetsOf(plain);
  for (let index = 0; index < NETWORK_OCTETS; index += 1)
    hash = Math.imul(hash ^ (octets[index] ?? 0), FNV_PRIME);
  return mixed(hash);
}

/** 32 bits that stand for a text. */
export function textHash(text: string): number {
  let hash = FNV_BASIS;
  for (let index = 0; index < text.length; index += 1)
    hash = Math.imul(hash ^ text.charCodeAt(index), FNV_PRIME);
  return mixed(hash);
}

/** Every bit of the result depends on every bit of `hash` (the finalizer of MurmurHash3). */
function mixed(hash: number): number {
  let bits = hash ^ (hash >>> 16);
  bits = Math.imul(bits, 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
