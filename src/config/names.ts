import { parseHostname } from "../base/hostname.ts";
import { isIpAddress, parseIpAddress } from "../base/ip-address.ts";
import type { HostPattern } from "./config.ts";
import { readHostPattern } from "./host-pattern.ts";
import { type Reading, read, wrong } from "./reading.ts";

/** One mailbox, as a CA takes it in `mailto:` (RFC 8555 §7.3): no list, no display name. */
const MAILBOX = /^[^\s@,<>()?&:;"]{1,64}@([^\s@]+)$/;

/** A mail address. */
export function readEmail(text: string): Reading<string> {
  const domain = MAILBOX.exec(text)?.[1];
  return domain !== undefined && parseHostname(domain) !== undefined
    ? read(text)
    : wrong("is not a mail address, wanted one such as ops@shop.example");
}

/** A suffix that the internal authority may certify names under, or an address that it may certify. */
export function readSuffix(text: string): Reading<string> {
  const address = parseIpAddress(text);
  if (address !== undefined) return read(address);
  const suffix = parseHostname(text.replace(/^\*?\./, ""));
  if (suffix === undefined) return wrong("is not a suffix of host names, wanted one such as lan");
  return /^\*?\./.test(text)
    ? wrong(`covers what is under it anyway, wanted "${suffix}"`)
    : read(suffix);
}

/** A name that `onDemand.allow` lists: exact, or a wildcard. */
export function readAllowed(text: string): Reading<HostPattern> {
  const pattern = readHostPattern(text);
  if (pattern.ok && pattern.value.kind === "exact" && isIpAddress(pattern.value.host))
    return wrong("is an IP address, which nobody names in a hello, wanted a host name");
  return pattern.ok && pattern.value.kind === "catch-all"
    ? wrong("would allow every name, wanted exact names, or `ask` to decide by name")
    : pattern;
}

/** The common name of a root (RFC 5280 §4.1.2.4), compared as it stands. */
export function readChainName(text: string): Reading<string> {
  return /^\P{C}+$/u.test(text) && text.trim() === text
    ? read(text)
    : wrong("is not the common name of a certificate, wanted one such as ISRG Root X1");
}

/** The name of a certificate profile (draft-ietf-acme-profiles). */
export function readProfile(text: string): Reading<string> {
  return /^[!-~]+$/.test(text)
    ? read(text)
    : wrong("is not the name of a profile, wanted one such as shortlived");
}
