import type { CertificateRecord } from "../base/certificate-record.ts";
import { Deadline } from "../base/clock.ts";
import type { Probe } from "../base/probe.ts";
import type { UriHost } from "../base/uri-host.ts";
import type { ChallengeType, Config } from "../config/config.ts";
import { limits } from "../config/limits.ts";
import { Resolver } from "../dns/resolver.ts";
import type { Ports } from "./door-findings.ts";
import { lookOverHttp } from "./look-http.ts";
import { lookOverTls } from "./look-tls.ts";
import type { Closed, DoorSight } from "./sights.ts";

/** What is looked at. */
export interface DoorPatient {
  readonly host: UriHost;
  readonly methods: readonly ChallengeType[];
  readonly record: CertificateRecord | undefined;
}

/** What looks at doors need from their surroundings. */
export interface DoorSteps {
  readonly config: Config;
  readonly ports: Ports;
  canAnswer(type: ChallengeType): boolean;
  probe(host: UriHost): Promise<Probe | undefined>;
  readonly signal: AbortSignal;
}

/**
 * Looks at the ports of every address as a CA would, for the challenges that somebody here can answer. Rejects with
 * the signal's reason.
 */
export async function lookAtDoors(
  addresses: readonly string[],
  patient: DoorPatient,
  steps: DoorSteps,
): Promise<readonly DoorSight[]> {
  const isLooked = (type: ChallengeType) => patient.methods.includes(type) && steps.canAnswer(type);
  if (addresses.length === 0 || !(isLooked("http-01") || isLooked("tls-alpn-01"))) return [];
  const probe = await steps.probe(patient.host);
  if (probe === undefined) return [];
  return await Promise.all(
    addresses.slice(0, limits.doctorAddressesMax).map(async (address) => {
      const [http, tls] = await Promise.all([
        isLooked("http-01") ? overHttp(address, probe, patient, steps) : undefined,
        isLooked("tls-alpn-01") ? overTls(address, probe, patient, steps) : undefined,
      ]);
      return { address, http, tls };
    }),
  );
}

function overHttp(
  address: string,
  { token, words }: Probe,
  { host }: DoorPatient,
  { config, ports, signal }: DoorSteps,
) {
  const resolver = new Resolver({
    servers: config.acme.resolvers,
    timeoutMs: limits.dnsTimeoutMs,
    tries: 1,
  });
  const addressOf = async (name: string, inTime: AbortSignal) => {
    const found = await resolver.addresses(name, inTime);
    return found.kind === "found" ? found.records[0] : undefined;
  };
  const look = { host, address, token, words, ports, addressOf };
  return inTime(signal, (deadline) => lookOverHttp(look, deadline));
}

function overTls(
  address: string,
  { chain }: Probe,
  { host, record }: DoorPatient,
  { ports, signal }: DoorSteps,
) {
  const serial = record?.servedSerial ?? record?.serial ?? undefined;
  const look = { host, address, port: ports.https, chain, serial };
  return inTime(signal, (deadline) => lookOverTls(look, deadline));
}

/** Silence is a sight of its own. */
async function inTime<Sight>(
  signal: AbortSignal,
  look: (deadline: AbortSignal) => Promise<Sight>,
): Promise<Sight | Closed> {
  using deadline = new Deadline(signal, limits.doctorLookTimeoutMs);
  try {
    return await look(deadline.signal);
  } catch (error) {
    signal.throwIfAborted();
    if (deadline.signal.aborted) return { kind: "closed", code: "ETIMEDOUT" };
    throw error;
  }
}
