import { readAction } from "./action.ts";
import { readCommand } from "./alerts.ts";
import { readCertificateSource } from "./certificate-source.ts";
import { readTlsPolicy } from "./client-auth.ts";
import type { Host, HostPattern } from "./config.ts";
import { isMapping } from "./document.ts";
import { formatPattern, readHostPattern } from "./host-pattern.ts";
import type { HostPlace } from "./host-place.ts";
import { hostKeyNames, hostSchema, type WrittenHost } from "./host-schema.ts";
import { reportLoops } from "./own-listener.ts";
import { warnOfCircles } from "./redirect-circle.ts";
import type { Settings } from "./settings.ts";
import { checkAndReport } from "./shape-faults.ts";
import type { Desk } from "./surroundings.ts";

/** An entry of `hosts`: its key taken apart, its value still as written. */
interface Entry {
  readonly key: string;
  readonly patterns: readonly HostPattern[];
  readonly value: unknown;
}

/** Keys that rules are about: with a fault in one of them a rule would only tell a consequence of it. */
const RULED = [
  ...["to", "paths", "passThrough", "redirect", "respond"],
  ...["issuer", "certificate", "certificateOnly", "onDemand", "dns"],
  ...["clientAuth", "tls"],
];

/** Keys whose values are mappings of things apart: a fault in one of these hides none in the others. */
const PARTED = ["paths", "backend", "maintenance", "errors", "headers"];

/** The hosts of a file. */
export interface ReadHosts {
  readonly hosts: readonly Host[];
  /** The key of the entry that each of them stands in, by `formatPattern`. */
  readonly keys: ReadonlyMap<string, string>;
}

/** Reads `hosts`: every entry on its own, so that each of its faults is told; those with one are left out. */
export function readHosts(root: object, settings: Settings, desk: Desk): ReadHosts {
  const written: unknown = Reflect.get(root, "hosts");
  if (desk.isAlone === true && written === undefined) return { hosts: [], keys: new Map() };
  if (!isMapping(written) || Object.keys(written).length === 0) {
    const what = written === undefined ? "missing" : isMapping(written) ? "empty" : "not a mapping";
    desk.report(["hosts"], `is ${what}, wanted hosts such as { store.shop.example: 3001 }`);
    return { hosts: [], keys: new Map() };
  }
  const known = new Map<string, string>();
  const entries = indented(Object.entries(written), desk).map(([key, value]): Entry => {
    return { key, patterns: readKey(key, known, desk), value };
  });
  const hosts = entries.flatMap((entry) =>
    readEntry(entry, settings, known, { ...desk, ...desk.ofHost(entry.key) }),
  );
  warnOfCircles({ hosts, keys: known }, settings, desk);
  return { hosts, keys: known };
}

/** Keys of a host that stand beside it, not below it, leave it empty: that is told, and they are taken for no hosts. */
function indented(
  entries: readonly (readonly [string, unknown])[],
  desk: Desk,
): readonly (readonly [string, unknown])[] {
  let empty: string | undefined;
  return entries.filter(([key, value], index) => {
    const isKey = hostKeyNames.some((name) => name === key);
    if (!isKey) {
      const [next = ""] = entries[index + 1] ?? [];
      empty = value === null && hostKeyNames.some((name) => name === next) ? key : undefined;
      if (empty === undefined) return true;
      const message = `is empty, wanted \`${next}\` and what follows indented below it`;
      desk.report(["hosts", key], message, "key");
    }
    return empty === undefined;
  });
}

/** `a, b` → the patterns of both. Each may stand in the file once, however it is spelt. */
function readKey(key: string, known: Map<string, string>, desk: Desk): readonly HostPattern[] {
  const path = ["hosts", key];
  return key.split(",").flatMap((part) => {
    const pattern = readHostPattern(part.trim());
    if (!pattern.ok) {
      desk.report(path, pattern.why, "key");
      return [];
    }
    const name = formatPattern(pattern.value);
    const first = known.get(name);
    if (first !== undefined) {
      const where = desk.whereIs(["hosts", first], path);
      desk.report(path, `"${name}" stands ${where} already, wanted each host once`, "key");
      return [];
    }
    known.set(name, key);
    return [pattern.value];
  });
}

function readEntry(
  { key, patterns, value }: Entry,
  settings: Settings,
  known: ReadonlyMap<string, string>,
  desk: Desk,
): readonly Host[] {
  const path = ["hosts", key];
  const checked = checkAndReport(hostSchema, value, path, desk.report, PARTED);
  const { value: written, faulty, gone } = checked;
  if (written === undefined || RULED.some((name) => gone.has(name))) return [];
  const place = { path, patterns, settings, known, faulty, desk };
  const action = readAction(written, place);
  if (action === undefined) return [];
  reportLoops(written, place);
  const certificate = readCertificateSource(written, action, place);
  const onCertificate = readHook(written, place);
  const tls = readTlsPolicy(written, place);
  return patterns.map((pattern) => ({
    pattern,
    action,
    certificate: certificate(pattern),
    ...(onCertificate && { onCertificate }),
    ...(tls && { tls }),
  }));
}

/** What is run after each new certificate, where there ever is one. */
function readHook(
  { onCertificate, passThrough, certificate }: WrittenHost,
  { path, desk }: HostPlace,
): readonly string[] | undefined {
  if (onCertificate === undefined) return undefined;
  const [rival] = [passThrough && "passThrough", certificate && "certificate"].filter(Boolean);
  if (rival === undefined) return readCommand(onCertificate, desk);
  const message = `does not go with \`${rival}\`: nothing is ordered for this host`;
  desk.report([...path, "onCertificate"], message, "key");
  return undefined;
}
