import {
  readCidr,
  readListenAddress,
  readNameServer,
  readTrustedProxies,
  readTrustedProxy,
} from "./addresses.ts";
import { alertsSchema } from "./alerts-schema.ts";
import { limitsSchema } from "./changeable-limits.ts";
import { dashboardSchema } from "./dashboard-schema.ts";
import { dnsSchema } from "./dns-schema.ts";
import { hostSchema } from "./host-schema.ts";
import { issuerSchema, onDemandSchema } from "./issuer-schema.ts";
import { limits } from "./limits.ts";
import { readAccess, readAdminAddress, readInclude } from "./locations.ts";
import { readEmail, readSuffix } from "./names.ts";
import { readRenewAt, readWorkers } from "./quantities.ts";
import { read } from "./reading.ts";
import {
  anyOf,
  anything,
  choice,
  duration,
  jsonSchemaOf,
  key,
  list,
  mapping,
  type Output,
  onOff,
  path,
  port,
  someOf,
  table,
  text,
  whole,
} from "./schema.ts";

const WORKERS = `auto, or a number from 1 to ${limits.workersMax}`;
const NAME_SERVER = "an address such as 9.9.9.9 or 127.0.0.1:5353";
const INCLUDED = "a path such as sites/*.yaml, or a list of them";
const CIDRS = "a list such as [10.0.0.0/8]";
const TRUSTED = "cloudflare, or a list such as [10.0.0.0/8]";
const listenAddress = text(readListenAddress, "an address such as :443");

const settings = {
  email: key("Contact given to the CA.", text(readEmail, "a mail address")),
  storage: key(
    "Folder of certificates and state; default ../storage beside config/, /var/lib/latchkey under /etc.",
    path,
  ),
  workers: key(
    "Worker processes; default auto: one per core.",
    anyOf([whole(1, limits.workersMax, WORKERS), text(readWorkers, WORKERS)], WORKERS),
  ),
  include: key(
    "Files with more `hosts:`; a * in their name stands for anything.",
    anyOf([text(readInclude, INCLUDED), someOf(text(readInclude, INCLUDED), INCLUDED)], INCLUDED),
  ),
  listen: key(
    "Where connections are taken.",
    mapping(
      {
        https: key('TLS; default [":443"].', someOf(listenAddress, 'a list such as [":443"]')),
        http: key(
          'Challenge answers and redirects; default [":80"], [] for none.',
          list(listenAddress, 'a list such as [":80"]'),
        ),
        publicHttpsPort: key("The port clients see; default: the first https listener's.", port),
        admin: key(
          "The admin socket; default unix:admin.sock, in storage.",
          text(readAdminAddress, "a Unix socket such as unix:admin.sock"),
        ),
        dashboard: key(
          "The status page: off (default), an address such as 127.0.0.1:9180, or { listen, token }.",
          dashboardSchema,
        ),
        proxyProtocol: key(
          "Load balancers: a connection from these ranges must begin with a PROXY header; default [].",
          list(text(readCidr, "a range such as 10.0.0.0/8"), CIDRS),
        ),
      },
      'a mapping such as { https: [":443"] }',
    ),
  ),
  trustedProxies: key(
    "Whose X-Forwarded-For is believed: cloudflare, or ranges of addresses; default [].",
    anyOf(
      [
        text(readTrustedProxies, TRUSTED),
        list(text(readTrustedProxy, "cloudflare, or a range such as 10.0.0.0/8"), TRUSTED),
      ],
      TRUSTED,
    ).transform((ranges) => ranges.flat()),
  ),
  acme: key(
    "How certificates are obtained.",
    mapping(
      {
        issuers: key(
          "Tried in order; default [letsencrypt].",
          someOf(issuerSchema, "a list such as [letsencrypt]"),
        ),
        issue: key("When: at-start (default) or first-visit.", choice(["at-start", "first-visit"])),
        challenges: key(
          "In order of preference; default [http-01, tls-alpn-01]; with `dns`, dns-01 comes last.",
          someOf(choice(["http-01", "tls-alpn-01", "dns-01"]), "a list such as [http-01]"),
        ),
        keyType: key(
          "Of the certificates; default ecdsa-p256.",
          choice(["ecdsa-p256", "ecdsa-p384", "rsa-2048", "rsa-4096"]),
        ),
        resolvers: key(
          "Name servers to ask about hosts; default: the machine's own.",
          someOf(text(readNameServer, NAME_SERVER), "a list such as [9.9.9.9]"),
        ),
        dns: key(
          "Who puts records into DNS for dns-01: one provider, or several by zone.",
          dnsSchema,
        ),
      },
      "a mapping such as { issuers: [letsencrypt] }",
    ),
  ),
  authority: key(
    "The internal certificate authority.",
    mapping(
      {
        lifetime: key(
          "Of its certificates; default 7d.",
          duration(limits.authorityLifetimeMinMs, limits.authorityLifetimeMaxMs, "7d"),
        ),
        permit: key(
          "Suffixes beyond localhost, internal, test and home.arpa, and addresses; default [].",
          list(text(readSuffix, "a suffix such as lan"), "a list such as [lan]"),
        ),
      },
      "a mapping such as { lifetime: 7d }",
    ),
  ),
  renewal: key(
    "When certificates are renewed.",
    mapping(
      {
        checkEvery: key(
          "Default 10m.",
          duration(limits.renewalCheckEveryMinMs, limits.renewalCheckEveryMaxMs, "10m"),
        ),
        at: key(
          "auto (default), or the part of the lifetime left.",
          text(readRenewAt, "auto, or a percentage such as 33%"),
        ),
      },
      "a mapping such as { checkEvery: 10m }",
    ),
  ),
  onDemand: key("Who may get a certificate on demand, for wildcard hosts.", onDemandSchema),
  alerts: key("Who is told when something is wrong, and when it is over.", alertsSchema),
  log: key(
    "What is logged.",
    mapping(
      {
        level: key("Default info.", choice(["debug", "info", "warn", "error"])),
        format: key(
          "auto (default) is pretty on a terminal, JSON otherwise.",
          choice(["auto", "json", "pretty"]),
        ),
        access: key(
          "One line a request: off (default), on, or the path of a file.",
          anyOf(
            [
              onOff.transform((isOn) => (isOn ? "on" : "off")),
              text(readAccess, "off, on, or a path"),
            ],
            "off, on, or a path",
          ),
        ),
        query: key(
          "Queries in the path of those lines? They may hold secrets. Default off.",
          onOff,
        ),
      },
      "a mapping such as { level: info }",
    ),
  ),
  limits: key("Numbers that protect the program, where the usual ones do not fit.", limitsSchema),
  watch: key(
    "Read the configuration again when its file, or one that it includes, changes; default off.",
    onOff,
  ),
};

const hosts = key(
  "What is served: host names and where they lead.",
  table(text(read, "a host"), hostSchema, "a mapping such as { store.shop.example: 3001 }"),
);

/** Everything but `hosts`, whose entries are checked one by one. */
export const settingsSchema = mapping(
  { ...settings, hosts: anything.optional() },
  "a mapping with `hosts`",
);

/** All of the file, as editors see it. */
export function fileJsonSchema(): object {
  return { title: "Latchkey", ...jsonSchemaOf(mapping({ ...settings, hosts }, "a mapping")) };
}

/** The settings as written. */
export type WrittenSettings = Output<typeof settingsSchema>;
