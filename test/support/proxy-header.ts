import { crc32c } from "../../src/connection/crc32c.ts";

/** The signature of version 2. */
export const SIGNATURE = Buffer.from("0d0a0d0a000d0a515549540a", "hex");

/** A header of version 2 out of its parts; `length` as it is unless given. */
export function binaryHeader(
  versionAndCommand: number,
  family: number,
  block: Buffer = Buffer.alloc(0),
  length: number = block.length,
): Buffer {
  const fixed = Buffer.of(versionAndCommand, family, length >> 8, length & 0xff);
  return Buffer.concat([SIGNATURE, fixed, block]);
}

/** 192.0.2.1:56324 → 192.0.2.2:443. */
export const ADDRESSES_V4 = Buffer.from("c0000201c0000202dc0401bb", "hex");
/** [2001:db8::1]:56324 → [2001:db8::2]:443. */
export const ADDRESSES_V6 = Buffer.from(
  "20010db800000000000000000000000120010db8000000000000000000000002dc0401bb",
  "hex",
);

export function tlv(type: number, value: Buffer, length: number = value.length): Buffer {
  return Buffer.concat([Buffer.of(type, length >> 8, length & 0xff), value]);
}

/** The header with a right checksum as its last TLV. */
export function checksummed(family: number, block: Buffer): Buffer {
  const header = binaryHeader(0x21, family, Buffer.concat([block, tlv(3, Buffer.alloc(4))]));
  header.writeUInt32BE(crc32c(header), header.length - 4);
  return header;
}
