import { readCidr } from "./addresses.ts";
import { limits } from "./limits.ts";
import { wrong } from "./reading.ts";
import { readHeaderValue } from "./respond-header.ts";
import {
  readHsts,
  readMatchName,
  readMatchValue,
  readMethod,
  readRuleName,
  readStatusClass,
} from "./rule-values.ts";
import {
  anyOf,
  duration,
  key,
  list,
  mapping,
  number,
  type Output,
  off,
  onOff,
  path,
  someOf,
  switchedOn,
  switches,
  table,
  text,
  whole,
} from "./schema.ts";

const CIDRS = "a list such as [10.0.0.0/8]";
const CIDRS_OR_OFF = `${CIDRS}, or off`;
const cidr = text(readCidr, "a range such as 10.0.0.0/8");

const headerValue = anyOf(
  [text(readHeaderValue, "text"), number((value) => readHeaderValue(String(value)), "text")],
  "text",
);

function headerRules(direction: "request" | "response") {
  const name = text((input) => readRuleName(direction, input), "the name of a header");
  const fields = table(name, headerValue, "a mapping such as { X-Frame-Options: DENY }");
  return mapping(
    {
      set: key("These, whatever was sent under their names.", fields),
      add: key("These, beside what was sent.", fields),
      remove: key("Nothing under these names.", someOf(name, "a list such as [Server]")),
    },
    "a mapping such as { set: { X-Frame-Options: DENY }, remove: [Server] }",
  );
}

const RATE = "a mapping such as { requests: 100, per: 1s }, or off";
const rateLimit = anyOf(
  [
    ...off(RATE),
    mapping(
      {
        requests: whole(1, limits.rateRequestsMax, "a number such as 100"),
        per: key(
          "In which time; default 1s.",
          duration(limits.ratePerMinMs, limits.ratePerMaxMs, "1s"),
        ),
        burst: key(
          "So many at once; default: as `requests`.",
          whole(1, limits.rateRequestsMax, "a number such as 200"),
        ),
      },
      RATE,
    ),
  ],
  RATE,
);

const MAINTENANCE = "on, off, or a mapping such as { marker: /run/latchkey/maintenance }";
const maintenance = anyOf(
  [
    ...switches,
    mapping(
      {
        marker: key("A file: only while there is one; default: always.", path),
        page: key("The body of the 503, from a file.", path),
        allow: key("Clients that are served all the same.", someOf(cidr, CIDRS)),
        retryAfter: key(
          "When clients may come again; default 5m.",
          duration(limits.retryAfterMinMs, limits.retryAfterMaxMs, "5m"),
        ),
      },
      MAINTENANCE,
    ),
  ],
  MAINTENANCE,
);

/** What a host may say, and each of its paths. */
export const ruleKeys = {
  headers: key(
    "Fields that are changed on their way.",
    mapping(
      {
        request: key("Of what goes to the backend.", headerRules("request")),
        response: key("Of every answer.", headerRules("response")),
      },
      "a mapping such as { response: { remove: [Server] } }",
    ),
  ),
  securityHeaders: key(
    "nosniff, no framing by others, a short Referer: where the answer does not say otherwise. Default off.",
    onOff,
  ),
  allow: key(
    "The only clients that are served; default: all.",
    anyOf([...off(CIDRS_OR_OFF), someOf(cidr, CIDRS_OR_OFF)], CIDRS_OR_OFF),
  ),
  deny: key(
    "Clients that are not, even if `allow` has them.",
    anyOf([...off(CIDRS_OR_OFF), list(cidr, CIDRS_OR_OFF)], CIDRS_OR_OFF),
  ),
  rateLimit: key("Requests of each client, an IPv4 address or an IPv6 /64.", rateLimit),
  maintenance: key("503 for everybody else.", maintenance),
  errors: key(
    "Pages for Latchkey's own answers, from files, by status or class.",
    table(
      text(readStatusClass, "a status such as 502, or 5xx"),
      path,
      "a mapping such as { 5xx: sorry.html }",
    ),
  ),
};

/** The names of {@link ruleKeys}. */
export const ruleNames = [
  ...(["headers", "securityHeaders", "allow", "deny"] as const),
  ...(["rateLimit", "maintenance", "errors"] as const),
] satisfies readonly (keyof typeof ruleKeys)[];

const HSTS = "a duration such as 60d, a mapping such as { maxAge: 365d }, or off";
/** `hsts` of a host. */
export const hstsSchema = anyOf(
  [
    off(HSTS)[0].transform(() => undefined),
    text((input) => (input === "on" ? wrong(switchedOn(HSTS)) : readHsts(input)), HSTS),
    mapping(
      {
        maxAge: duration(0, limits.hstsMaxMs, "365d"),
        includeSubDomains: key("Every name below this one too? Default off.", onOff),
        preload: key(
          "May browsers have it built in? Not taken back for months. Default off.",
          onOff,
        ),
      },
      HSTS,
    ),
  ],
  HSTS,
);

/** `match` of a path. */
export const matchSchema = mapping(
  {
    methods: key(
      "One of these; GET stands for HEAD too.",
      someOf(text(readMethod, "a method such as POST"), "a list such as [POST]"),
    ),
    headers: key(
      "All of these; a `*` at the end stands for anything.",
      table(
        text(readMatchName, "the name of a header"),
        anyOf(
          [text(readMatchValue, "text"), number((value) => readMatchValue(String(value)), "text")],
          "text",
        ),
        "a mapping such as { X-Canary: yes }",
      ),
    ),
  },
  "a mapping such as { methods: [POST] }",
);

/** The rules of a host or path as written. */
export type WrittenRules = {
  readonly [Key in keyof typeof ruleKeys]?: Output<(typeof ruleKeys)[Key]>;
};
export type WrittenHeaderRules = NonNullable<NonNullable<WrittenRules["headers"]>["request"]>;
export type WrittenHsts = Output<typeof hstsSchema>;
export type WrittenMatch = Output<typeof matchSchema>;
