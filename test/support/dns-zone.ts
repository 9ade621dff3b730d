import type { Answer } from "dns-packet";
import type { Said } from "./name-server.ts";

/** One record, as an answer. */
export function saidOf(type: "A" | "CNAME" | "NS", name: string, data: string): Said {
  return { answers: [{ type, name, ttl: 1, data } as Answer] };
}

/** What name servers say of a zone with one server, which stands at an address. */
export function zoneAt(zone: string, address: string): Readonly<Record<string, Said>> {
  const server = `ns.${zone}`;
  const data = { mname: server, rname: `ops.${zone}`, serial: 1 };
  return {
    [`SOA ${zone}`]: { answers: [{ type: "SOA", name: zone, ttl: 1, data } as Answer] },
    [`NS ${zone}`]: saidOf("NS", zone, server),
    [`A ${server}`]: saidOf("A", server, address),
  };
}
