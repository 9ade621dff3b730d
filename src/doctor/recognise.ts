import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import type { CertificateRecord } from "../base/certificate-record.ts";
import { Deadline } from "../base/clock.ts";
import { parseHostname } from "../base/hostname.ts";
import { request } from "../base/node-http.ts";
import type { UriHost } from "../base/uri-host.ts";
import { limits } from "../config/limits.ts";
import type { ListenerSight } from "./listener-findings.ts";
import { lookOverTls } from "./look-tls.ts";

/** A host of the configuration, and its certificate in storage. */
interface Mark {
  readonly host: UriHost;
  readonly serial: string;
}

/** One host is enough; the first may have been replaced since. */
const ASKED_MAX = 3;
/** RFC 9110 §15.4.9: what a known host of ours is answered at port 80. */
const PERMANENT_REDIRECT = 308;

/**
 * Which of the ports that are taken is taken by the program of this configuration, although its admin socket does not
 * answer: its https listener shows a certificate that only this storage has the key of. One for plain HTTP has
 * nothing to show; it is ours when it redirects as we do, beside such a listener. Never rejects but with the
 * signal's reason.
 */
export async function recogniseOurs(
  sights: readonly ListenerSight[],
  records: readonly CertificateRecord[],
  signal: AbortSignal,
): Promise<readonly ListenerSight[]> {
  const marks = records.flatMap(markOf).slice(0, ASKED_MAX);
  const isOurs = async (sight: ListenerSight, test: typeof showsOurs): Promise<boolean> => {
    if (sight.code !== "EADDRINUSE") return false;
    for (const mark of marks) if (await test(sight, mark, signal)) return true;
    return false;
  };
  const known = new Set<ListenerSight>();
  for (const sight of sights)
    if (sight.what === "https" && (await isOurs(sight, showsOurs))) known.add(sight);
  if (known.size === 0) return sights;
  for (const sight of sights)
    if (sight.what === "http" && (await isOurs(sight, redirectsAsWe))) known.add(sight);
  return sights.map((sight) => (known.has(sight) ? { ...sight, isOurs: true } : sight));
}

function markOf({ host: name, serial }: CertificateRecord): Mark[] {
  const host = parseHostname(name);
  return host === undefined || serial === null ? [] : [{ host, serial }];
}

async function showsOurs(
  sight: ListenerSight,
  { host, serial }: Mark,
  signal: AbortSignal,
): Promise<boolean> {
  using deadline = new Deadline(signal, limits.doctorLookTimeoutMs);
  const look = { ...placeOf(sight), host, serial, chain: undefined };
  const seen = await lookOverTls(look, deadline.signal).catch(() => undefined);
  signal.throwIfAborted();
  return seen?.kind === "ours";
}

async function redirectsAsWe(
  sight: ListenerSight,
  { host }: Mark,
  signal: AbortSignal,
): Promise<boolean> {
  using deadline = new Deadline(signal, limits.doctorLookTimeoutMs);
  const { address, port } = placeOf(sight);
  const asked = request({
    ...{ host: address, port, headers: { host }, agent: false },
    signal: deadline.signal,
  });
  asked.on("error", () => {
    // Also what comes after the answer.
  });
  asked.end();
  try {
    const [answer]: IncomingMessage[] = await once(asked, "response", { signal: deadline.signal });
    const { location = "" } = answer?.headers ?? {};
    return answer?.statusCode === PERMANENT_REDIRECT && location.startsWith(`https://${host}`);
  } catch {
    signal.throwIfAborted();
    return false;
  } finally {
    asked.destroy();
  }
}

/** Where a client on this machine finds the listener. */
function placeOf({ address: spelled }: ListenerSight): {
  readonly address: string;
  readonly port: number;
} {
  const [, host = "", port] = /^(.*):(\d+)$/.exec(spelled) ?? [];
  const address = host.replace(/^\[|\]$/g, "");
  const anywhere = new Map([
    ["", "127.0.0.1"],
    ["0.0.0.0", "127.0.0.1"],
    ["::", "::1"],
  ]);
  return { address: anywhere.get(address) ?? address, port: Number(port) };
}
