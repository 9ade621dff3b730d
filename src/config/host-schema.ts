import { readServerName, readTcpAddress } from "./addresses.ts";
import { commandSchema } from "./alerts-schema.ts";
import { authSchema } from "./auth-schema.ts";
import { readBackendAddress, readBackendPort } from "./backend-address.ts";
import { balanceKeys, weightKey } from "./balance-schema.ts";
import { compressSchema } from "./compress.ts";
import { dnsSchema } from "./dns-schema.ts";
import { issuerSchema, onDemandSchema } from "./issuer-schema.ts";
import { limits } from "./limits.ts";
import { readPrefix } from "./locations.ts";
import { readSize } from "./quantities.ts";
import { read } from "./reading.ts";
import {
  readPathRedirectTarget,
  readRedirectStatus,
  readRedirectTarget,
} from "./redirect-target.ts";
import { readHeaderName, readHeaderValue } from "./respond-header.ts";
import { hstsSchema, matchSchema, ruleKeys } from "./rules-schema.ts";
import {
  anyOf,
  choice,
  duration,
  key,
  mapping,
  number,
  type Output,
  onOff,
  path,
  someOf,
  table,
  text,
  whole,
} from "./schema.ts";

const BACKEND = "a backend such as 3001 or http://10.0.0.5:3002";
const bareBackend = [number(readBackendPort, BACKEND), text(readBackendAddress, BACKEND)] as const;
const weighed = mapping({ url: anyOf(bareBackend, BACKEND), weight: weightKey }, BACKEND);
const backendForms = [
  bareBackend[0].transform((address) => ({ ...address, weight: 1 })),
  bareBackend[1].transform((address) => ({ ...address, weight: 1 })),
  weighed.transform(({ url, weight = 1 }) => ({ ...url, weight })),
] as const;
const backends = anyOf([...backendForms, someOf(anyOf(backendForms, BACKEND), BACKEND)], BACKEND);

const timeout = duration(limits.timeoutMinMs, limits.timeoutMaxMs, "60s");

const proxyProtocolKey = key(
  "The PROXY header that tells it whose connection this is: v1 or v2; default: none.",
  choice(["v1", "v2"]),
);

/** What stands in a host and in each of its paths. */
const forwarding = {
  to: key(
    "Where requests go: a port of this machine, host:port, http://, https://, h2c://, unix:/path, tcp://.",
    backends.transform((written) => (Array.isArray(written) ? written : [written])),
  ),
  backend: key(
    "How backends are spoken to.",
    mapping(
      {
        ca: key("PEM file with the only roots to trust; default: the machine's.", path),
        serverName: key(
          "The name its certificate must have; default: the host of `to`.",
          text(readServerName, "a host name"),
        ),
        verify: key("Is its certificate checked? Default on.", onOff),
        http2: key("May it choose HTTP/2 (ALPN)? Default on.", onOff),
        host: key(
          "The Host it gets: client (default) or upstream.",
          choice(["client", "upstream"]),
        ),
        certificate: key(
          "What it is shown when it asks who we are; default: nothing.",
          mapping({ chain: path, key: path }, "a mapping such as { chain: own.pem, key: own.key }"),
        ),
        proxyProtocol: proxyProtocolKey,
      },
      "a mapping such as { verify: on }",
    ),
  ),
  timeouts: key(
    "Deadlines towards the backends.",
    mapping(
      {
        connect: key("To be connected; default 5s.", timeout),
        firstByte: key(
          "From the request to the first byte of the answer; default 60s (gRPC 1h).",
          timeout,
        ),
        idle: key(
          "Without a byte in either direction; default 60s (WebSockets, gRPC and tunnels 1h).",
          timeout,
        ),
      },
      "a mapping such as { connect: 5s }",
    ),
  ),
  maxBody: key(
    "The largest request body; default: no limit.",
    text(readSize, "a size such as 100MiB"),
  ),
  ...balanceKeys,
  ...ruleKeys,
  auth: key("Who may in: by password, or as a service decides; default: everybody.", authSchema),
  compress: key("Are answers compressed that the backend left plain? Default off.", compressSchema),
};

const RESPOND = "text, or a mapping such as { status: 503, body: closed }";
const anyText = text(read, "text");
const respond = anyOf(
  [
    anyText.transform((body) => ({ body, status: undefined, headers: undefined })),
    mapping(
      {
        status: key("Default 200.", whole(200, 599, "a status from 200 to 599")),
        headers: key(
          "Fields of the answer.",
          table(
            text(readHeaderName, "the name of a header"),
            anyOf(
              [
                text(readHeaderValue, "text"),
                number((value) => readHeaderValue(String(value)), "text"),
              ],
              "text",
            ),
            "a mapping such as { Retry-After: 60 }",
          ),
        ),
        body: key("Default: none.", anyText),
      },
      RESPOND,
    ),
  ],
  RESPOND,
);

const PASS_THROUGH = "an address such as 127.0.0.1:9443, or a mapping with `to`";
const tunnelBackend = text(readTcpAddress, PASS_THROUGH);
const passThrough = anyOf(
  [
    tunnelBackend.transform((to) => ({ to, proxyProtocol: undefined })),
    mapping(
      {
        to: tunnelBackend,
        proxyProtocol: proxyProtocolKey,
      },
      PASS_THROUGH,
    ),
  ],
  PASS_THROUGH,
);

const status = key(
  "Of the redirect; default 308.",
  number(readRedirectStatus, "301, 302, 303, 307 or 308"),
);
const answer = key("The answer itself.", respond);

const PATH = "a mapping such as { to: 3002 }";
/** One entry of `paths`. */
const pathKeys = mapping(
  {
    ...forwarding,
    match: key("What a request must be besides; else the next entry is looked at.", matchSchema),
    stripPrefix: key("Is the prefix taken off before forwarding? Default off.", onOff),
    replacePrefix: key(
      "What stands in the place of the prefix when it is forwarded.",
      text(readPrefix, "a prefix such as /v3/"),
    ),
    redirect: key(
      "/path, host[:port][/path] or an https:// URL; keeps path and query unless it has a path.",
      text(readPathRedirectTarget, "a target such as /new"),
    ),
    status,
    respond: answer,
  },
  PATH,
);

const hostKeys = mapping(
  {
    ...forwarding,
    paths: key(
      "Requests by path, the longest prefix first.",
      table(
        text(readPrefix, "a prefix such as /v2/"),
        anyOf([pathKeys, someOf(pathKeys, `a list of mappings`)], PATH),
        "a mapping such as { /v2/: { to: 3002 } }",
      ),
    ),
    passThrough: key("TLS routed by name and never decrypted.", passThrough),
    redirect: key(
      "host[:port][/path] or an https:// URL; keeps path and query unless it has a path.",
      text(readRedirectTarget, "a target such as store.shop.example"),
    ),
    status,
    respond: answer,
    issuer: key("For this host only.", issuerSchema),
    certificate: key(
      "Files given by hand; then nothing is ordered for this host.",
      mapping({ chain: path, key: path }, "a mapping such as { chain: own.pem, key: own.key }"),
    ),
    onDemand: key("For this wildcard only.", onDemandSchema),
    dns: key("How its name is proven in DNS; default: acme.dns.", dnsSchema),
    clientAuth: key(
      "Which client certificates are asked for.",
      mapping(
        {
          ca: path,
          mode: key(
            "require (default), or request: without one is fine.",
            choice(["require", "request"]),
          ),
        },
        "a mapping such as { ca: clients.pem }",
      ),
    ),
    tls: key(
      "What is asked of TLS beyond the usual.",
      mapping(
        { minVersion: key("Default TLSv1.2.", choice(["TLSv1.2", "TLSv1.3"])) },
        "a mapping such as { minVersion: TLSv1.3 }",
      ),
    ),
    hsts: key("Do browsers use https only, and for how long? Default off.", hstsSchema),
    certificateOnly: key(
      "Is it certified for another program, and nothing served here? Default off.",
      onOff,
    ),
    onCertificate: key(
      "Program and arguments run after each new certificate; host and the folder of that very one come last.",
      commandSchema,
    ),
  },
  "a mapping such as { to: 3001 }",
);

/** The keys of a host in long form. */
export const hostKeyNames: readonly string[] = Object.keys(hostKeys.shape);

const HOST = "a backend such as 3001, or a mapping such as { to: 3001 }";
/** One entry of `hosts`, in short or long form. */
export const hostSchema = anyOf(
  [
    number(readBackendPort, HOST).transform((one) => ({ to: [{ ...one, weight: 1 }] })),
    text(readBackendAddress, HOST).transform((one) => ({ to: [{ ...one, weight: 1 }] })),
    hostKeys,
  ],
  HOST,
);

/** An entry of `hosts` as written, in long form. */
export type WrittenHost = Output<typeof hostKeys>;
/** One entry of `paths` as written. */
export type WrittenPath = Output<typeof pathKeys>;
