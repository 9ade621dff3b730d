import { createHmac, timingSafeEqual } from "node:crypto";
import {
  ADDITIONAL_COUNT_AT,
  CLASS,
  encodeName,
  encodeRecord,
  readName,
  TYPE,
  uint16,
  uint32,
  uint48,
  type WireMessage,
} from "./wire.ts";

/** The algorithms that everybody has (RFC 8945 §6), by the hash that Node calls them by. */
const HASHES = {
  "hmac-sha256": "sha256",
  "hmac-sha384": "sha384",
  "hmac-sha512": "sha512",
} as const;

export type TsigAlgorithm = keyof typeof HASHES;

/** A secret shared with a name server. */
export interface TsigKey {
  /** As the server calls it. */
  readonly name: string;
  readonly algorithm: TsigAlgorithm;
  readonly secret: Uint8Array;
}

/** A message with its signature, and the part of it that the answer's signature is about. */
export interface SignedMessage {
  readonly bytes: Buffer;
  readonly mac: Buffer;
}

/** Clocks may differ by so much (RFC 8945 §10 recommends it). */
const FUDGE_SECONDS = 300;
/** RFC 8945 §3: errors that stand in the signature itself. */
const ERRORS: Readonly<Record<number, string>> = {
  16: "BADSIG: the secret of the key is another one there",
  17: "BADKEY: there is no key of that name and algorithm",
  18: "BADTIME: its clock and ours differ by more than five minutes",
  22: "BADTRUNC: it wants a longer signature",
};

/** Signs a message that has no signature yet (RFC 8945 §4.3). @param atSeconds Since the epoch. */
export function sign(message: Buffer, key: TsigKey, atSeconds: number): SignedMessage {
  const times = { atSeconds, fudge: FUDGE_SECONDS };
  const mac = digest(key, [message, variables(key, times, 0, Buffer.alloc(0))]);
  const data = Buffer.concat([
    encodeName(key.algorithm),
    uint48(atSeconds),
    uint16(FUDGE_SECONDS),
    uint16(mac.length),
    mac,
    message.subarray(0, 2), // the original ID
    uint16(0),
    uint16(0),
  ]);
  const record = encodeRecord({ name: key.name, type: TYPE.TSIG, class: CLASS.ANY, ttl: 0, data });
  return { bytes: Buffer.concat([counted(message, 1), record]), mac };
}

/**
 * Is this the signed answer to a message of ours (RFC 8945 §5.3)?
 *
 * @param requestMac Of that message.
 * @returns What is wrong, or `undefined` when the signature is good.
 * @throws {RangeError} when the signature itself makes no sense.
 */
export function distrust(
  bytes: Buffer,
  { last }: WireMessage,
  key: TsigKey,
  requestMac: Buffer,
  nowSeconds: number,
): string | undefined {
  if (last?.type !== TYPE.TSIG || last.class !== CLASS.ANY) return "its answer is not signed";
  const signature = readSignature(last.data);
  if (last.name !== key.name.toLowerCase() || signature.algorithm !== key.algorithm)
    return ERRORS[signature.error] ?? "its answer is signed with another key";
  // Nobody can sign for a key that he has not: what it says is a failure in any case.
  if (signature.mac.length === 0) return ERRORS[signature.error] ?? "its answer is not signed";
  const unsigned = counted(bytes.subarray(0, last.start), -1);
  signature.originalId.copy(unsigned, 0);
  const wanted = digest(key, [
    uint16(requestMac.length),
    requestMac,
    unsigned,
    variables(key, signature, signature.error, signature.other),
  ]);
  if (wanted.length !== signature.mac.length || !timingSafeEqual(wanted, signature.mac))
    return "the signature of its answer is wrong";
  if (signature.error !== 0) return ERRORS[signature.error] ?? `its error ${signature.error}`;
  const isTimely = Math.abs(nowSeconds - signature.atSeconds) <= signature.fudge;
  return isTimely ? undefined : "its answer was signed at another time: a clock is wrong";
}

interface Signature {
  readonly algorithm: string;
  readonly atSeconds: number;
  readonly fudge: number;
  readonly mac: Buffer;
  readonly originalId: Buffer;
  readonly error: number;
  readonly other: Buffer;
}

/** The data of a TSIG record (RFC 8945 §4.2). */
function readSignature(data: Buffer): Signature {
  const { name: algorithm, end } = readName(data, 0);
  const macLength = data.readUInt16BE(end + 8);
  const macEnd = end + 10 + macLength;
  const otherLength = data.readUInt16BE(macEnd + 4);
  if (macEnd + 6 + otherLength !== data.length) throw new RangeError("a signature has no end");
  return {
    algorithm,
    atSeconds: data.readUIntBE(end, 6),
    fudge: data.readUInt16BE(end + 6),
    mac: data.subarray(end + 10, macEnd),
    originalId: data.subarray(macEnd, macEnd + 2),
    error: data.readUInt16BE(macEnd + 2),
    other: data.subarray(macEnd + 6),
  };
}

/** RFC 8945 §4.3.3. */
function variables(
  key: TsigKey,
  { atSeconds, fudge }: { readonly atSeconds: number; readonly fudge: number },
  error: number,
  other: Buffer,
): Buffer {
  return Buffer.concat([
    encodeName(key.name),
    uint16(CLASS.ANY),
    uint32(0),
    encodeName(key.algorithm),
    uint48(atSeconds),
    uint16(fudge),
    uint16(error),
    uint16(other.length),
    other,
  ]);
}

function digest(key: TsigKey, parts: readonly Buffer[]): Buffer {
  const hmac = createHmac(HASHES[key.algorithm], key.secret);
  for (const part of parts) hmac.update(part);
  return hmac.digest();
}

/** A copy whose number of additional records is another one. */
function counted(message: Buffer, change: number): Buffer {
  const copy = Buffer.from(message);
  copy.writeUInt16BE(copy.readUInt16BE(ADDITIONAL_COUNT_AT) + change, ADDITIONAL_COUNT_AT);
  return copy;
}
