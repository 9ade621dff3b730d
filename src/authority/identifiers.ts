import { parsePlain } from "../base/hostname.ts";
import { isIpAddress, parseIpAddress } from "../base/ip-address.ts";
import type { UriHost } from "../base/uri-host.ts";
import { type Fields, isFields } from "./fields.ts";
import { type ProblemType, Refusal } from "./refusal.ts";
import { isPermitted } from "./suffixes.ts";

/** Names in one certificate, as at Let's Encrypt. */
const NAMES_MAX = 100;

/** What is wrong with one identifier. */
interface Fault {
  readonly type: ProblemType;
  readonly detail: string;
  readonly identifier: unknown;
}

/**
 * Reads `identifiers` of a newOrder (RFC 8555 §7.4): 1-100 DNS names under the suffixes, none of
 * them a wildcard, or permitted addresses (RFC 8738 §3). A name that is there twice counts once.
 *
 * @throws {Refusal} `malformed`, `unsupportedIdentifier` or `rejectedIdentifier`; with several
 *   faults one `subproblem` for each (§6.7.1).
 */
export function readIdentifiers(order: Fields, suffixes: readonly string[]): readonly UriHost[] {
  const { identifiers } = order;
  if (!Array.isArray(identifiers) || identifiers.length === 0) {
    throw new Refusal("malformed", "The order names no identifiers");
  }
  if (identifiers.length > NAMES_MAX) {
    throw new Refusal("malformed", `The order names more than ${NAMES_MAX} identifiers`);
  }
  const read = identifiers.map((one: unknown) => readIdentifier(one, suffixes));
  const faults = read.filter((one) => typeof one !== "string");
  if (faults.length > 0) throw refusalOf(faults);
  return [...new Set(read.filter((one) => typeof one === "string"))];
}

function readIdentifier(identifier: unknown, suffixes: readonly string[]): UriHost | Fault {
  if (!isFields(identifier) || typeof identifier["value"] !== "string") {
    return { type: "malformed", detail: "An identifier is not { type, value }", identifier };
  }
  const { type, value } = identifier;
  if (type !== "dns" && type !== "ip") {
    return {
      type: "unsupportedIdentifier",
      detail: `Only identifiers of type "dns" and "ip" are certified here`,
      identifier,
    };
  }
  const reject = (why: string): Fault => {
    return { type: "rejectedIdentifier", detail: `"${value}" ${why}`, identifier };
  };
  if (type === "ip") {
    const address = parseIpAddress(value);
    if (address === undefined || address !== value) return reject("is not an address");
    if (isPermitted(address, suffixes)) return address;
    return reject("is not an address that this authority certifies: add it to authority.permit");
  }
  if (value.startsWith("*.")) return reject("is a wildcard: only single names are certified here");
  const host = parsePlain(value);
  if (host === undefined || host.length !== value.length) return reject("is not a DNS name");
  if (isPermitted(host, suffixes)) return host;
  return reject(
    `is not under a suffix that this authority certifies (${suffixes.filter((suffix) => !isIpAddress(suffix)).join(", ")}): add its domain to authority.permit`,
  );
}

function refusalOf(faults: readonly Fault[]): Refusal {
  const [first] = faults;
  if (first === undefined) throw new TypeError("Cannot refuse without a fault");
  if (faults.length === 1) return new Refusal(first.type, first.detail);
  const subproblems = faults.map(({ type, detail, identifier }) => {
    return { ...new Refusal(type, detail).problem, identifier };
  });
  const detail = `${faults.length} of the identifiers cannot be certified: ${first.detail} …`;
  return new Refusal(first.type, detail, { members: { subproblems } });
}
