import { provenHost } from "../base/certificate-name.ts";
import type { Clock } from "../base/clock.ts";
import { LatchkeyError } from "../base/errors.ts";
import { isUnder } from "../base/hostname.ts";
import type { Acme, Host } from "../config/config.ts";
import type { DnsEntry } from "../config/dns-entry.ts";
import { limits } from "../config/limits.ts";
import { createAcmeDns } from "../dns/acme-dns.ts";
import { createCloudflare } from "../dns/cloudflare.ts";
import { createExec } from "../dns/exec.ts";
import type { DnsProvider } from "../dns/record.ts";
import { createRfc2136 } from "../dns/rfc2136.ts";
import type { PublishedRecord } from "../storage/published-records.ts";

/**
 * The entry for a record: the one with the longest zone that the name is in, where an alias led; else
 * the same by the name where it began; else the one without zones.
 *
 * @throws {LatchkeyError} `DNS_FAILED` when none is.
 */
export function entryFor(
  entries: readonly DnsEntry[],
  { name, certificate }: Pick<PublishedRecord, "name" | "certificate">,
): DnsEntry {
  const host = provenHost(certificate);
  const found =
    nearest(entries, name) ??
    nearest(entries, host) ??
    entries.find(({ zones }) => zones.length === 0);
  if (found !== undefined) return found;
  throw noProvider(host, `no entry of \`dns\` is for ${name}`);
}

/** Says an error that the configuration names nobody who puts records into DNS for the name? */
export function hasNoProvider(error: unknown): boolean {
  return error instanceof LatchkeyError && error.facts["provider"] === "none";
}

function noProvider(host: string, why: string): LatchkeyError {
  const message = `Cannot prove control of ${host} in DNS: ${why}`;
  return new LatchkeyError("DNS_FAILED", message, { provider: "none" });
}

function nearest(entries: readonly DnsEntry[], name: string): DnsEntry | undefined {
  let best: DnsEntry | undefined;
  let length = 0;
  for (const entry of entries) {
    for (const zone of entry.zones) {
      if (zone.length <= length || !isUnder(name, zone)) continue;
      [best, length] = [entry, zone.length];
    }
  }
  return best;
}

/** The entries that a certificate is proven with: the host's own, else those of `acme.dns`. */
export function entriesFor(host: Host | undefined, acme: Pick<Acme, "dns">): readonly DnsEntry[] {
  const source = host?.certificate;
  return (source?.kind === "acme" ? source.dns : undefined) ?? acme.dns;
}

/** What puts the records of an entry into DNS. @throws {LatchkeyError} `DNS_FAILED`. */
export function providerOf(
  { provider }: DnsEntry,
  { certificate }: Pick<PublishedRecord, "certificate">,
  clock: Clock,
): DnsProvider {
  const timeoutMs = limits.dnsProviderTimeoutMs;
  const ttlSeconds = limits.dnsRecordTtlSeconds;
  switch (provider.kind) {
    case "cloudflare":
      return createCloudflare({ ...provider, ttlSeconds, timeoutMs });
    case "rfc2136": {
      const { server, keyName: name, algorithm } = provider;
      const secret = Buffer.from(provider.secret, "base64");
      return createRfc2136({
        server,
        key: { name, algorithm, secret },
        clock,
        ttlSeconds,
        timeoutMs,
      });
    }
    case "acme-dns": {
      const host = provenHost(certificate);
      const account = provider.accounts[host];
      if (account !== undefined)
        return createAcmeDns({ server: provider.server, account, timeoutMs });
      throw noProvider(host, "`accounts` of acme-dns has none for it");
    }
    case "exec":
      return createExec(provider);
  }
}
