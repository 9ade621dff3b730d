import { createRequire } from "node:module";
import type forge from "node-forge";

/**
 * DER (X.690) as values: the only door to node-forge, which is used as writer and reader of ASN.1
 * and for nothing else; every signature and key is `node:crypto`'s. Hence only that part of it is loaded.
 */
const asn1: typeof forge.asn1 = createRequire(import.meta.url)("node-forge/lib/asn1.js");
const { Class, Type } = asn1;

/** One ASN.1 value, made by the functions below or by {@link readDer}. */
export type Der = forge.asn1.Asn1;

/** The bytes of a value in DER. */
export function toDer(value: Der): Buffer {
  return Buffer.from(asn1.toDer(value).getBytes(), "latin1");
}

/**
 * Reads one DER value that fills `bytes` exactly.
 * @throws {Error} on anything else.
 */
export function readDer(bytes: Uint8Array): Der {
  return fromDer(Buffer.from(bytes).toString("latin1"), { strict: true, decodeBitStrings: false });
}

/** The package's types know only the older `strict: boolean`; bit strings stay bytes. */
const fromDer = asn1.fromDer as unknown as (
  bytes: string,
  options: { readonly strict: boolean; readonly decodeBitStrings: boolean },
) => Der;

export const sequence = (...items: Der[]): Der =>
  asn1.create(Class.UNIVERSAL, Type.SEQUENCE, true, items);
export const set = (...items: Der[]): Der => asn1.create(Class.UNIVERSAL, Type.SET, true, items);
export const boolean = (value: boolean): Der =>
  primitive(Type.BOOLEAN, Buffer.of(value ? 0xff : 0));
export const nothing = (): Der => primitive(Type.NULL, Buffer.alloc(0));
export const octetString = (content: Uint8Array): Der => primitive(Type.OCTETSTRING, content);
export const utf8String = (text: string): Der => primitive(Type.UTF8, Buffer.from(text, "utf8"));
export const oid = (dotted: string): Der =>
  primitive(Type.OID, Buffer.from(asn1.oidToDer(dotted).getBytes(), "latin1"));

/** A BIT STRING of whole bytes; `unusedBits` of the last byte do not count. */
export const bitString = (content: Uint8Array, unusedBits = 0): Der =>
  primitive(Type.BITSTRING, Buffer.concat([Buffer.of(unusedBits), content]));

/** A non-negative INTEGER from its big-endian bytes; the sign byte is added where it is needed. */
export function integer(bytes: Uint8Array): Der {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start += 1;
  const short = Buffer.from(bytes.subarray(start));
  const content = short.length === 0 ? Buffer.of(0) : short;
  return primitive(
    Type.INTEGER,
    (content[0] as number) & 0x80 ? Buffer.concat([Buffer.of(0), content]) : content,
  );
}

/** `[tag] EXPLICIT` around values, or (constructed IMPLICIT) in place of a SEQUENCE's own tag. */
export const contextConstructed = (tag: number, ...items: Der[]): Der =>
  asn1.create(Class.CONTEXT_SPECIFIC, tag, true, items);

/** `[tag] IMPLICIT` around raw bytes, such as a dNSName (2) or a keyIdentifier (0). */
export const contextPrimitive = (tag: number, content: Uint8Array): Der =>
  asn1.create(Class.CONTEXT_SPECIFIC, tag, false, Buffer.from(content).toString("latin1"));

/** A moment as RFC 5280 §4.1.2.5 wants it: UTCTime through 2049, GeneralizedTime after. Whole seconds. */
export function time(ms: number): Der {
  const digits = new Date(ms).toISOString().replace(/[-:T]|\..*$/g, "");
  const early = Number(digits.slice(0, 4)) < 2050;
  return primitive(
    early ? Type.UTCTIME : Type.GENERALIZEDTIME,
    Buffer.from(`${early ? digits.slice(2) : digits}Z`, "latin1"),
  );
}

/** Bytes that are DER already, to be put inside another value (a public key, a name). */
export const embedded = (der: Uint8Array): Der => readDer(der);

/** The members of a constructed value; empty for a primitive one. */
export function itemsOf(value: Der): readonly Der[] {
  return Array.isArray(value.value) ? value.value : [];
}

/** The content bytes of a primitive value; empty for a constructed one. */
export function contentOf(value: Der): Buffer {
  return typeof value.value === "string" ? Buffer.from(value.value, "latin1") : Buffer.alloc(0);
}

/** The dotted form of an OBJECT IDENTIFIER; `undefined` for any other value. */
export function oidOf(value: Der): string | undefined {
  if (value.tagClass !== Class.UNIVERSAL || value.type !== Type.OID) return undefined;
  return asn1.derToOid(contentOf(value).toString("latin1"));
}

/** Is it `[tag]` of the context-specific class? */
export function isContext(value: Der, tag: number): boolean {
  return value.tagClass === Class.CONTEXT_SPECIFIC && (value.type as number) === tag;
}

function primitive(type: forge.asn1.Type, content: Uint8Array): Der {
  return asn1.create(Class.UNIVERSAL, type, false, Buffer.from(content).toString("latin1"));
}
