import { parsePasswordHash } from "../base/password-hash.ts";
import type { WrittenAuth } from "./auth-schema.ts";
import { readBackend } from "./backend.ts";
import type { Backend } from "./destination.ts";
import type { Path } from "./faults.ts";
import { limits } from "./limits.ts";
import { readSecretAt } from "./secret.ts";
import type { Desk } from "./surroundings.ts";

/** Who may in. */
export type Auth =
  | {
      readonly kind: "basic";
      /** The hash of each user's password, as a PHC string. */
      readonly users: Readonly<Record<string, string>>;
      readonly realm: string;
      /** Does the backend get the Authorization field? */
      readonly keepsAuthorization: boolean;
    }
  | {
      readonly kind: "forward";
      readonly service: Backend;
      /** Path and query of the service's URL. */
      readonly target: string;
      /** For its whole answer. */
      readonly timeoutMs: number;
      /** Fields of its answer that go on to the backend, in lower case. */
      readonly copied: readonly string[];
      /** Does the client get the Set-Cookie fields of its 2xx? */
      readonly passesCookies?: boolean | undefined;
    };

type WrittenRules = Exclude<WrittenAuth, boolean>;

/** Keys that go with one of the two forms alone. */
const GOES_WITH = {
  basic: ["realm", "keepAuthorization"],
  forward: ["copyHeaders", "timeout"],
} as const;

/** A field of answers alone: it is for the client, and would say nothing to a backend. */
const SET_COOKIE = "set-cookie";

/** Who may in: what a host or path says. `undefined`: everybody, or a fault was reported. */
export function readAuth(
  written: WrittenAuth | undefined,
  path: Path,
  desk: Desk,
): Auth | undefined {
  if (written === true)
    desk.report(path, "says nothing of who may in, wanted `basic`, `forward` or off");
  if (written === undefined || typeof written === "boolean") return undefined;
  const { basic, forward } = written;
  if ((basic === undefined) === (forward === undefined)) {
    const what = basic === undefined ? "says nothing" : "says two things";
    desk.report(path, `${what}, wanted \`basic\` or \`forward\``, "key");
    return undefined;
  }
  const [form, other] =
    basic === undefined ? (["forward", "basic"] as const) : (["basic", "forward"] as const);
  for (const key of GOES_WITH[other].filter((name) => written[name] !== undefined))
    desk.report([...path, key], `does not go with \`${form}\`, remove it`, "key");
  return basic === undefined
    ? readForwardAuth(written, path, desk)
    : readBasic(basic, written, path, desk);
}

function readBasic(
  basic: NonNullable<WrittenRules["basic"]>,
  { realm = "restricted", keepAuthorization = false }: WrittenRules,
  path: Path,
  desk: Desk,
): Auth {
  const entries = Object.entries(basic);
  if (entries.length === 0 || entries.length > limits.usersMax) {
    const wanted = `wanted 1 to ${limits.usersMax} users`;
    desk.report([...path, "basic"], `has ${entries.length}, ${wanted}`, "key");
  }
  const users = entries.map(([name, secret]) => {
    const at = [...path, "basic", name];
    const text = readSecretAt(secret, at, desk);
    const hash = parsePasswordHash(text);
    if (text !== "" && hash.kind === "unusable") desk.report(at, hash.why);
    return [name, text] as const;
  });
  return {
    kind: "basic",
    users: Object.fromEntries(users),
    realm,
    keepsAuthorization: keepAuthorization,
  };
}

function readForwardAuth(
  { forward, copyHeaders = [], timeout = limits.forwardAuthTimeoutMs }: WrittenRules,
  path: Path,
  desk: Desk,
): Auth | undefined {
  if (forward === undefined) return undefined;
  const [service] = readBackend(forward.address, { host: "upstream" }, [...path, "forward"], desk);
  if (service === undefined) return undefined;
  return {
    kind: "forward",
    service,
    target: forward.target,
    timeoutMs: timeout,
    copied: copyHeaders.filter((name) => name !== SET_COOKIE),
    ...(copyHeaders.includes(SET_COOKIE) ? { passesCookies: true } : {}),
  };
}
