import { randomInt } from "node:crypto";
import { type Clock, withDeadline } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import { exchange } from "./exchange.ts";
import { type DnsProvider, dnsFailure, type TxtRecord } from "./record.ts";
import { Resolver } from "./resolver.ts";
import { distrust, sign, type TsigKey } from "./tsig.ts";
import {
  CLASS,
  encodeName,
  encodeRecord,
  encodeText,
  HEADER_BYTES,
  readMessage,
  TYPE,
  uint16,
  type WireMessage,
} from "./wire.ts";
import { findZone } from "./zone.ts";

export interface Rfc2136Options {
  /** Of the primary, `address:port`, IPv6 in brackets. */
  readonly server: string;
  readonly key: TsigKey;
  readonly clock: Clock;
  /** Of the record. */
  readonly ttlSeconds: number;
  /** For each question and each update. */
  readonly timeoutMs: number;
}

const UPDATE = 5;
/** RFC 1035 §4.1.1 and RFC 2136 §2.2, in words. */
const RCODES: Readonly<Record<number, string>> = {
  1: "FORMERR",
  2: "SERVFAIL",
  4: "NOTIMP: it takes no updates",
  5: "REFUSED: the key may not change this name",
  9: "NOTAUTH: it is not the primary of the zone, or does not know the key",
  10: "NOTZONE: the name is not in the zone",
};

/**
 * Dynamic updates (RFC 2136), signed (RFC 8945), over TCP: every answer fits, and none can be forged
 * from beside the path. The zone is the one that the server itself has the name in.
 */
export function createRfc2136(options: Rfc2136Options): DnsProvider {
  const { server, timeoutMs } = options;
  const resolver = new Resolver({ servers: [server], timeoutMs, tries: 2 });
  const change = async (
    action: string,
    record: TxtRecord,
    update: (zone: string) => Buffer,
    signal: AbortSignal,
  ) => {
    const zone = await findZone(resolver, record.name, signal);
    try {
      await send(options, update(zone), withDeadline(signal, timeoutMs));
    } catch (error) {
      signal.throwIfAborted();
      throw dnsFailure(
        `${action} the TXT record ${record.name}`,
        `${server}: ${whyOf(error)}`,
        error,
      );
    }
  };
  return {
    look: async (name, signal) => void (await findZone(resolver, name, signal)),
    publish: (record, signal) =>
      change("add", record, (zone) => addition(zone, record, options.ttlSeconds), signal),
    remove: (record, signal) => change("remove", record, (zone) => removal(zone, record), signal),
  };
}

/** RFC 2136 §2.5.1: adds to an RRset; what is there already is added once. */
export function addition(zone: string, { name, value }: TxtRecord, ttl: number): Buffer {
  return update(zone, { name, type: TYPE.TXT, class: CLASS.IN, ttl, data: encodeText(value) });
}

/** RFC 2136 §2.5.4: deletes one record out of an RRset. */
export function removal(zone: string, { name, value }: TxtRecord): Buffer {
  return update(zone, { name, type: TYPE.TXT, class: CLASS.NONE, ttl: 0, data: encodeText(value) });
}

/** One zone, no prerequisites, one update (RFC 2136 §2). */
function update(zone: string, record: Parameters<typeof encodeRecord>[0]): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt16BE(randomInt(0x10000), 0);
  header.writeUInt16BE(UPDATE << 11, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(1, 8);
  const zoneSection = [encodeName(zone), uint16(TYPE.SOA), uint16(CLASS.IN)];
  return Buffer.concat([header, ...zoneSection, encodeRecord(record)]);
}

async function send(
  { server, key, clock }: Rfc2136Options,
  message: Buffer,
  signal: AbortSignal,
): Promise<void> {
  const seconds = () => Math.floor(clock.now() / 1_000);
  const signed = sign(message, key, seconds());
  const answer = await exchange(server, signed.bytes, signal);
  const read = readMessage(answer);
  if (!isAnswerTo(message, read)) throw new Error("its answer is about something else");
  const doubt = distrust(answer, read, key, signed.mac, seconds());
  // An error without a good signature is an error all the same: nothing was done.
  const rcode = read.rcode === 0 ? undefined : (RCODES[read.rcode] ?? `RCODE ${read.rcode}`);
  const why = [rcode, doubt].filter((word) => word !== undefined).join("; ");
  if (why !== "") throw new Error(why);
}

/** Of an answer that ends early Node says only that there are no such bytes. */
function whyOf(error: unknown): string {
  if (error instanceof RangeError) return `its answer makes no sense: ${error.message}`;
  return messageOf(error);
}

function isAnswerTo(message: Buffer, { id, isResponse, opcode }: WireMessage): boolean {
  return isResponse && opcode === UPDATE && id === message.readUInt16BE(0);
}
