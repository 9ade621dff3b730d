import { whyNoClientCas } from "./client-cas.ts";
import type { ClientAuth, TlsPolicy } from "./config.ts";
import type { HostPlace } from "./host-place.ts";
import type { WrittenHost } from "./host-schema.ts";
import { readRootsAt } from "./settings.ts";

/** What a host asks of TLS beyond what every host does; `undefined` when nothing was written. */
export function readTlsPolicy(written: WrittenHost, place: HostPlace): TlsPolicy | undefined {
  const { tls, clientAuth } = written;
  if (tls === undefined && clientAuth === undefined) return undefined;
  return {
    minVersion: tls?.minVersion ?? "TLSv1.2",
    clientAuth: clientAuth && readClientAuth(clientAuth, place),
  };
}

function readClientAuth(
  { ca, mode = "require" }: NonNullable<WrittenHost["clientAuth"]>,
  { path, desk }: HostPlace,
): ClientAuth | undefined {
  const place = [...path, "clientAuth", "ca"];
  const roots = readRootsAt(ca, place, desk);
  if (roots === undefined) return undefined;
  for (const why of whyNoClientCas(roots)) desk.report(place, why);
  return { ca: roots, mode };
}
