import type { ConnectionEnds } from "../base/connection-ends.ts";
import type { Fields } from "./fields.ts";

/** Who a client has proven to be by its certificate. */
export interface ClientIdentity {
  /** Field lines for the backend, each with its CRLF. */
  readonly lines: string;
  /** The certificate in a line of the log: its subject, or its SHA-256 fingerprint. Undefined: none was shown. */
  readonly certificate: string | undefined;
}

/** Who sent a request, as far as the fields that tell a backend about it are concerned. */
export interface Sender {
  /** The address the connection came from. */
  readonly address: string;
  /** The connection as the client made it, for backends that are told by the PROXY protocol. */
  readonly ends?: ConnectionEnds | undefined;
  /** Where the host asks for certificates of clients. */
  readonly identity?: ClientIdentity | undefined;
  /** Is the sender a proxy whose word is taken (`trustedProxies`)? */
  readonly isTrusted: boolean;
  /** Is this address one of those proxies? */
  isTrustedProxy(address: string): boolean;
}

/**
 * The field lines that tell the backend who asks, and for what. A stranger's own are never among
 * them; a trusted proxy's X-Forwarded-For is continued, and its other statements stand.
 */
export function forwardedLines(fields: Fields, sender: Sender, authority: string): string {
  if (!sender.isTrusted) {
    const { address } = sender;
    return `X-Forwarded-For: ${address}\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: ${authority}\r\nX-Real-IP: ${address}\r\n`;
  }
  const told = toldBy(fields);
  const chain = [...told.chain, sender.address];
  return (
    `X-Forwarded-For: ${chain.join(", ")}\r\n` +
    `X-Forwarded-Proto: ${told.proto ?? "https"}\r\n` +
    `X-Forwarded-Host: ${told.host ?? authority}\r\n` +
    `X-Real-IP: ${realAddress(chain, sender)}\r\n`
  );
}

/** The address of the client behind trusted proxies, for logs: see {@link realAddress}. */
export function clientOf(fields: Fields, sender: Sender): string {
  if (!sender.isTrusted) return sender.address;
  return realAddress([...toldBy(fields).chain, sender.address], sender);
}

/** The last address of the chain that is not a trusted proxy's: everything before it is hearsay. */
function realAddress(chain: readonly string[], sender: Sender): string {
  const stranger = chain.findLast((address) => !sender.isTrustedProxy(address));
  return stranger ?? chain[0] ?? sender.address;
}

interface Told {
  readonly chain: readonly string[];
  readonly proto: string | undefined;
  readonly host: string | undefined;
}

const PROTO = /^https?$/;

function toldBy(fields: Fields): Told {
  const chain: string[] = [];
  let proto: string | undefined;
  let host: string | undefined;
  for (let index = 0; index < fields.count; index += 1) {
    const value = fields.value(index);
    switch (fields.names[index]) {
      case "x-forwarded-for":
        chain.push(...value.split(",").map((part) => part.trim()));
        break;
      case "x-forwarded-proto":
        if (PROTO.test(value)) proto ??= value;
        break;
      case "x-forwarded-host":
        if (value !== "") host ??= value;
        break;
      default: // tells nothing about the client
    }
  }
  return { chain: chain.filter((address) => address !== ""), proto, host };
}
