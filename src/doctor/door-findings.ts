import { isIPv6 } from "node:net";
import { cdnAt } from "../base/cdn.ts";
import { hasRoutedLike } from "../base/own-addresses.ts";
import { hasPublicLike, isOwn } from "./addresses.ts";
import { describeHttp, describeTls } from "./describe-door.ts";
import { advice, type Finding, fine, listed, problemUnless } from "./finding.ts";
import type { DoorSight } from "./sights.ts";

/** What the findings about addresses and ports depend on besides. */
export interface DoorQuestion {
  readonly ownAddresses: readonly string[];
  /** Can dns-01 prove the name whatever its addresses do? */
  readonly hasDns: boolean;
  /** Where a CA looks. */
  readonly ports: Ports;
  /** Where this program listens; `undefined`: nowhere, or not known. */
  readonly listening: Partial<Ports>;
}

export interface Ports {
  readonly http: number;
  readonly https: number;
}

/** One port of one address. */
interface Door {
  readonly code: "http" | "tls";
  readonly kind: string;
  readonly isOurs: boolean;
  /** Somebody else answered. */
  readonly isOther: boolean;
  /** `port 80: …` */
  readonly saw: string;
}

/** Ways in which a redirect in front of us keeps a CA away. */
const LED_ASTRAY = ["loop", "led-away", "led-nowhere"];
const RECORDS = "Correct the A and AAAA records: every one of them must lead to this machine";

/** Does every address of the name lead to this program, at the ports where a CA looks? */
export function findingsOfDoors(
  sights: readonly DoorSight[],
  question: DoorQuestion,
): readonly Finding[] {
  const isHere = (sight: DoorSight) => doorsOf(sight, question).some(({ isOurs }) => isOurs);
  const hasGood = sights.some(isHere);
  return sights.flatMap((sight) => {
    const doors = doorsOf(sight, question);
    if (doors.length === 0) return [];
    const cdn = cdnOf(sight);
    if (cdn !== undefined) return [behindCdn(cdn, sight.address, doors, question)];
    if (isHere(sight)) return here(sight, doors);
    const loop = doors.find(({ kind }) => LED_ASTRAY.includes(kind));
    if (loop !== undefined && doors.every((door) => door === loop || !door.isOther))
      return [ofDoor(sight.address, loop, question.hasDns)];
    if (doors.some(({ isOther }) => isOther)) return [elsewhere(sight, doors, hasGood, question)];
    return [closed(sight, doors, question)];
  });
}

function doorsOf({ http, tls }: DoorSight, { ports }: DoorQuestion): readonly Door[] {
  const doors: Door[] = [];
  if (http !== undefined)
    doors.push({
      code: "http",
      kind: http.kind,
      isOurs: http.kind === "ours",
      isOther: http.kind !== "ours" && http.kind !== "closed",
      saw: `port ${ports.http}: ${describeHttp(http)}`,
    });
  if (tls !== undefined)
    doors.push({
      code: "tls",
      kind: tls.kind,
      isOurs: tls.kind === "ours",
      isOther: tls.kind === "other" || tls.kind === "refused",
      saw: `port ${ports.https}: ${describeTls(tls)}`,
    });
  return doors;
}

function cdnOf({ address, http }: DoorSight): string | undefined {
  const said = http !== undefined && "cdn" in http ? http.cdn : undefined;
  return cdnAt(address) ?? said;
}

/** A CDN ends TLS itself, so that port 443 is never ours; http-01 gets through, if nothing is in its way. */
function behindCdn(
  cdn: string,
  address: string,
  doors: readonly Door[],
  { hasDns }: DoorQuestion,
): Finding {
  const http = doors.find(({ code }) => code === "http");
  const front = `${address} is ${cdn}, which ends TLS in front of this machine`;
  const dns = "prove the name by dns-01 (acme.dns), or let it lead here directly (DNS only)";
  if (http?.isOurs === true) {
    const saw = `${front}; http-01 gets through, tls-alpn-01 cannot`;
    return advice("cdn.in-front", saw, `Keep http-01 in acme.challenges, ${dns}`);
  }
  if (http?.kind === "loop") {
    const remedy = `Exempt /.well-known/acme-challenge/ from its redirect to https (and encrypt its way here), ${dns}`;
    return problemUnless(hasDns, "cdn.loop", `${front}; ${http.saw}`, remedy);
  }
  const saw = `${front}; ${http?.saw ?? "tls-alpn-01 cannot get through"}`;
  const remedy = `Let http://…/.well-known/acme-challenge/ through (no redirect, no login page, no filter) with http-01 in acme.challenges, ${dns}`;
  return problemUnless(hasDns, "cdn.in-front", saw, remedy);
}

function here({ address }: DoorSight, doors: readonly Door[]): readonly Finding[] {
  const good = doors.filter(({ isOurs }) => isOurs).map(({ saw }) => saw);
  const bad = doors.filter(({ isOurs }) => !isOurs);
  return [
    fine("address.here", `${address} leads here (${listed(good)})`),
    ...bad.map((door) => ofDoor(address, door, true)),
  ];
}

function ofDoor(address: string, { code, kind, saw }: Door, isSpared: boolean): Finding {
  return problemUnless(isSpared, `${code}.${kind}`, `at ${address}, ${saw}`, REMEDIES[kind] ?? "");
}

const REMEDIES: Readonly<Record<string, string>> = {
  other: "Let nothing but Latchkey answer at this port",
  refused: "Let nothing but Latchkey answer at this port",
  loop: "Take away the redirect in front of Latchkey: it must not send the CA in a circle",
  "led-away": "Take away the redirect in front of Latchkey: a CA follows to ports 80 and 443 only",
  "led-nowhere":
    "Take away the redirect in front of Latchkey, or let Latchkey answer where it leads",
  "clients-only":
    "Let what stands in front pass TLS through unopened, with the protocol acme-tls/1, or use http-01",
  closed: "Open the port in the firewall and the router, and let it lead to Latchkey",
};

function elsewhere(
  { address }: DoorSight,
  doors: readonly Door[],
  hasGood: boolean,
  { hasDns, ownAddresses }: DoorQuestion,
): Finding {
  const seen = listed(doors.map(({ saw }) => saw));
  if (isOwn(address, ownAddresses)) {
    const saw = `${address} is this machine, and another server answers there (${seen})`;
    const remedy = "Stop the other server (find it with: ss -ltnp), or give it other ports";
    return problemUnless(hasDns, "address.other-server", saw, remedy);
  }
  const saw = `${address} leads to another server (${seen})`;
  if (hasGood && isIPv6(address)) {
    const remedy = `${RECORDS}; CAs prefer IPv6, so that this AAAA record alone is enough to fail`;
    return problemUnless(hasDns, "address.aaaa-elsewhere", saw, remedy);
  }
  return problemUnless(hasDns, "address.elsewhere", saw, RECORDS);
}

/** Nobody answered: what that means depends on whose address it is. */
function closed({ address }: DoorSight, doors: readonly Door[], question: DoorQuestion): Finding {
  const { ownAddresses, hasDns } = question;
  const seen = listed(doors.map(({ saw }) => saw));
  if (isOwn(address, ownAddresses)) return closedHere(address, seen, question);
  if (isIPv6(address) && !hasRoutedLike(address, ownAddresses)) {
    const saw = `the AAAA record leads to ${address}, and this machine has no IPv6 address`;
    const remedy = "Remove the AAAA record: CAs prefer it; or give this machine that address";
    return problemUnless(hasDns, "address.no-ipv6", saw, remedy);
  }
  if (hasPublicLike(address, ownAddresses)) {
    const saw = `${address} is no address of this machine, and does not answer (${seen})`;
    return problemUnless(hasDns, "address.elsewhere", saw, RECORDS);
  }
  const saw = `${address} does not answer from here (${seen}); behind a router that proves nothing: many do not lead their own address back in`;
  const remedy =
    "Look from outside whether ports 80 and 443 lead here: forwarded by the router, open in the firewall";
  return advice("address.unclear", saw, remedy);
}

function closedHere(address: string, seen: string, question: DoorQuestion): Finding {
  const { ports, listening, hasDns } = question;
  const saw = `${address} is this machine, and does not answer (${seen})`;
  const others = [
    [ports.http, listening.http],
    [ports.https, listening.https],
  ].filter(([wanted, there]) => there !== undefined && there !== wanted);
  if (others.length > 0) {
    const mapped = listed(others.map(([wanted, there]) => `${wanted} to ${there}`));
    const remedy = `A CA looks at ports 80 and 443: see that a port mapping leads ${mapped}, or listen there`;
    return advice("ports.mapped", saw, remedy);
  }
  const remedy =
    "Listen on every address that the name leads to (listen.http, listen.https), and open the ports in this machine's firewall";
  return problemUnless(hasDns, "ports.closed", saw, remedy);
}
