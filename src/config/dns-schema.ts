import { readNameServer } from "./addresses.ts";
import { limits } from "./limits.ts";
import { readSuffix } from "./names.ts";
import { read } from "./reading.ts";
import {
  anyOf,
  choice,
  duration,
  key,
  mapping,
  type Output,
  secret,
  series,
  someOf,
  table,
  text,
} from "./schema.ts";

const DNS = "a mapping such as { provider: cloudflare, token: env:CF_TOKEN }, or a list of them";
const ACCOUNT = "a mapping such as { username: U, password: env:P, subdomain: S }";
const anyText = text(read, "text");
const word = text(read, "a program such as /usr/local/bin/dns");

/** One entry of `dns`: which keys go with which provider is checked by its reader. */
const entry = mapping(
  {
    provider: choice(["cloudflare", "rfc2136", "acme-dns", "exec"]),
    zones: key(
      "Names at or below which it is the one; default: wherever no other entry is.",
      someOf(text(readSuffix, "a name such as shop.example"), "a list such as [shop.example]"),
    ),
    authoritative: key(
      "Name servers that must show a record before the CA is told; default: all of its zone's.",
      someOf(text(readNameServer, "an address such as 10.0.0.53"), "a list such as [10.0.0.53]"),
    ),
    token: key("cloudflare: an API token that may edit the zone's DNS.", secret),
    endpoint: key("cloudflare: URL of the API.", anyText),
    server: key("rfc2136: address of the primary. acme-dns: URL of its API.", anyText),
    keyName: key("rfc2136: name of the TSIG key.", anyText),
    algorithm: key(
      "rfc2136: of the key; default hmac-sha256.",
      choice(["hmac-sha256", "hmac-sha384", "hmac-sha512"]),
    ),
    secret: key("rfc2136: the key, in base64.", secret),
    accounts: key(
      "acme-dns: what it gave out at registration, by host.",
      table(
        text(readSuffix, "a host"),
        mapping({ username: secret, password: secret, subdomain: secret }, ACCOUNT),
        "a mapping of hosts",
      ),
    ),
    command: key(
      "exec: program and first arguments; called as lego does: present|cleanup FQDN VALUE.",
      anyOf([word.transform((one) => [one]), series(word, "a list")], "a program, or a list"),
    ),
    environment: key(
      "exec: variables of the program, besides PATH, HOME, TZ, LANG, LC_ALL.",
      table(text(read, "a variable"), secret, "a mapping such as { TOKEN: env:TOKEN }"),
    ),
    timeout: key("exec: default 60s.", duration(1_000, limits.dnsExecTimeoutMaxMs, "60s")),
  },
  DNS,
);

/** `dns`: one provider, or several by zone. */
export const dnsSchema = anyOf(
  [
    entry.transform((one) => ({ isList: false, entries: [one] })),
    someOf(entry, DNS).transform((entries) => ({ isList: true, entries })),
  ],
  DNS,
);

export type WrittenDns = Output<typeof dnsSchema>;
export type WrittenDnsEntry = Output<typeof entry>;
