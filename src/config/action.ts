import { readRedirect, readRespond } from "./answer.ts";
import { readBackendOptions } from "./backend.ts";
import type { Action } from "./destination.ts";
import { readForward, readTunnelTimeouts } from "./forward.ts";
import type { HostPlace } from "./host-place.ts";
import { readOwnRules, settleRules, withHsts } from "./host-rules.ts";
import { hostKeyNames, type WrittenHost } from "./host-schema.ts";
import { nearest } from "./nearest.ts";
import { ruleNames } from "./rules-schema.ts";

/** Keys that may stand beside each action. Those that are not built yet never get here. */
const CERTIFICATE = ["issuer", "certificate", "onDemand", "dns", "clientAuth", "tls"] as const;
const RULES = [...ruleNames, "hsts"] as const;
const BALANCE = ["balance", "health", "maxConnections", "slowStart", "ejectAfter"] as const;
const GOES_WITH: Readonly<Record<Action["kind"], readonly (keyof WrittenHost)[]>> = {
  forward: [
    "to",
    "paths",
    "backend",
    "timeouts",
    "maxBody",
    ...BALANCE,
    "auth",
    "compress",
    ...RULES,
    ...CERTIFICATE,
  ],
  tcp: ["to", "backend", "timeouts", "balance", ...CERTIFICATE],
  "pass-through": ["passThrough", "timeouts"],
  redirect: ["redirect", "status", ...RULES, ...CERTIFICATE],
  respond: ["respond", ...RULES, ...CERTIFICATE],
  "certificate-only": ["issuer", "dns"],
};
/** Keys that go with everything, or are told of elsewhere. */
const HARMLESS: readonly string[] = ["certificateOnly", "onCertificate"];
/** The keys that say what a host does; `to` and `paths` say it together. */
const DOES = ["to", "paths", "passThrough", "redirect", "respond", "certificateOnly"] as const;

const NOUN: Readonly<Record<Action["kind"], string>> = {
  forward: "`to`",
  tcp: "a tcp:// backend",
  "pass-through": "`passThrough`",
  redirect: "`redirect`",
  respond: "`respond`",
  "certificate-only": "`certificateOnly`",
};

/** What a host does: exactly one thing, and every other key goes with it. `undefined` after a fault. */
export function readAction(written: WrittenHost, place: HostPlace): Action | undefined {
  const kind = kindOf(written, place);
  if (kind === undefined) return undefined;
  reportStrangers(written, kind, place);

  const { passThrough, redirect, respond, to = [] } = written;
  const [first] = to;
  if (passThrough !== undefined) {
    return {
      kind: "pass-through",
      backend: passThrough.to,
      timeouts: readTunnelTimeouts(written, place),
      ...(passThrough.proxyProtocol && { proxyProtocol: passThrough.proxyProtocol }),
    };
  }
  if (kind === "certificate-only") return { kind };
  if (first?.kind === "tcp") {
    const options = readBackendOptions(written.backend, to, [...place.path, "backend"], place.desk);
    return {
      kind: "tcp",
      backend: first.address,
      timeouts: readTunnelTimeouts(written, place),
      ...(options.proxyProtocol && { proxyProtocol: options.proxyProtocol }),
    };
  }
  const { path, desk } = place;
  const rules = withHsts(readOwnRules(written, path, desk), written.hsts, path, desk);
  const answer =
    redirect === undefined
      ? respond && readRespond(respond, path, desk)
      : readRedirect(redirect, written.status, place);
  if (answer === undefined) return readForward(written, rules, place);
  const settled = settleRules(rules);
  return settled === undefined ? answer : { ...answer, rules: settled };
}

function kindOf(
  written: WrittenHost,
  { path, faulty, desk }: HostPlace,
): Action["kind"] | undefined {
  const present = DOES.filter((key) => written[key] !== undefined && written[key] !== false);
  const [first] = present;
  if (first === undefined) {
    // A misspelt `to` is told already: that the host does nothing is a consequence.
    const meant = [...faulty].map((key) => nearest(key, hostKeyNames));
    if (!DOES.some((key) => meant.includes(key)))
      desk.report(path, `does nothing, wanted one of ${DOES.join(", ")}`);
    return undefined;
  }
  const isForward = first === "to" || first === "paths";
  const rivals = present.slice(1).filter((key) => !(isForward && key === "paths"));
  for (const rival of rivals) {
    desk.report([...path, rival], `does not go with \`${first}\`, wanted one of the two`, "key");
  }
  if (rivals.length > 0) return undefined;
  if (first === "passThrough") return "pass-through";
  if (first === "certificateOnly") return "certificate-only";
  if (first === "redirect" || first === "respond") return first;
  return written.to?.some(({ kind }) => kind === "tcp") === true ? "tcp" : "forward";
}

/** Keys that would be ignored. */
function reportStrangers(
  written: WrittenHost,
  kind: Action["kind"],
  { path, desk }: HostPlace,
): void {
  const known: readonly string[] = [...GOES_WITH[kind], ...HARMLESS];
  for (const [key, value] of Object.entries(written)) {
    const isOff = value === false && (key === "auth" || key === "compress");
    if (value === undefined || isOff || known.includes(key)) continue;
    desk.report([...path, key], `does not go with ${NOUN[kind]}, remove it`, "key");
  }
  if (kind === "tcp" && written.to?.length !== 1) {
    desk.report([...path, "to"], "is a list with tcp://, wanted a single backend");
  }
}
