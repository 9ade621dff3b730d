import { provenHost } from "../base/certificate-name.ts";
import type { Clock } from "../base/clock.ts";
import { LatchkeyError } from "../base/errors.ts";
import { failureFacts, type Log } from "../base/log.ts";
import type { DnsEntry } from "../config/dns-entry.ts";
import { limits } from "../config/limits.ts";
import type { DnsProvider, TxtRecord } from "../dns/record.ts";
import { Resolver, type ResolverOptions } from "../dns/resolver.ts";
import { untilVisible } from "../dns/visible.ts";
import { followAliases } from "../dns/zone.ts";
import type { PublishedRecord, PublishedRecords } from "../storage/published-records.ts";
import { Turns } from "../storage/turns.ts";
import type { DnsChallenge } from "./challenge.ts";
import { entryFor, providerOf } from "./dns-providers.ts";

/** What proofs in DNS need from their surroundings. */
export interface DnsProofSteps {
  /** The entries that a certificate is proven with; none when it is no name of the configuration any more. */
  entriesFor(certificate: PublishedRecord["certificate"]): readonly DnsEntry[];
  readonly resolvers: ResolverOptions;
  readonly store: PublishedRecords;
  readonly clock: Clock;
  readonly log: Log;
  /** Ends what waits to be tried again. */
  readonly signal: AbortSignal;
}

/**
 * Proofs by DNS-01 (RFC 8555 §8.4): the record is remembered on disk, put in place, seen at every server
 * of its zone; and taken away in every outcome, also after a crash and as often as it takes.
 */
export class DnsProofs {
  readonly #steps: DnsProofSteps;
  /** One at a time for each name: providers that read, change and write back lose what comes between. */
  readonly #turns = new Turns<string>();
  /** Records that wait to be taken away, and what ends that when they are wanted again. */
  readonly #leftovers = new Map<string, AbortController>();
  /** Until each record in DNS is taken away, or has become a leftover. */
  readonly #open = new Set<Promise<void>>();

  constructor(steps: DnsProofSteps) {
    this.#steps = steps;
  }

  /**
   * Resolves when the record is where the CA will look, wherever it asks; the returned function takes it
   * away and never rejects.
   *
   * @throws {LatchkeyError} `DNS_FAILED`, `STORAGE_FAILED`, `STORAGE_LOCKED`; the signal's reason when aborted.
   */
  async arm(
    { certificate, value }: DnsChallenge,
    signal: AbortSignal,
  ): Promise<() => Promise<void>> {
    const asked = `_acme-challenge.${provenHost(certificate)}`;
    const name = await followAliases(new Resolver(this.#steps.resolvers), asked, signal);
    try {
      return await this.#arm({ certificate, name, value }, signal);
    } catch (error) {
      throw name === asked ? error : ledBy(asked, name, error);
    }
  }

  async #arm(record: PublishedRecord, signal: AbortSignal): Promise<() => Promise<void>> {
    const { entriesFor, clock } = this.#steps;
    const { certificate } = record;
    const entry = entryFor(entriesFor(certificate), record);
    const provider = providerOf(entry, record, clock);
    this.#leftovers.get(keyOf(record))?.abort();
    const disarm = this.#opened(record);
    try {
      await this.#publish(record, provider, signal);
      await this.#see(record, entry.authoritative, signal);
      return disarm;
    } catch (error) {
      await disarm();
      throw error;
    }
  }

  /** Takes away what a program before this one left in DNS; resolves when each was tried once. Never rejects. */
  async recover(): Promise<void> {
    const { store, log } = this.#steps;
    try {
      const left = await store.all();
      await Promise.all(left.map((record) => this.#remove(record, limits.dnsRemoveRetryMinMs)));
    } catch (error) {
      log.error("storage.unreadable", failureFacts(error));
    }
  }

  /** Resolves when every record of an order is taken away or left for later. */
  async settled(): Promise<void> {
    await Promise.all(this.#open);
  }

  /** What takes the record away; until then the program knows of it. */
  #opened(record: PublishedRecord): () => Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#open.add(promise);
    return async () => {
      await this.#remove(record, limits.dnsRemoveRetryMinMs);
      this.#open.delete(promise);
      resolve();
    };
  }

  /** On disk first: a crash between the two leaves a note of what is not there, never the reverse. */
  async #publish(
    record: PublishedRecord,
    provider: DnsProvider,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#turns.take(record.name, async () => {
      await this.#steps.store.save(record);
      await provider.publish(txt(record), signal);
    });
    const { certificate: host, name } = record;
    this.#steps.log.info("dns.published", { host, name });
  }

  async #see(
    record: PublishedRecord,
    authoritative: readonly string[],
    signal: AbortSignal,
  ): Promise<void> {
    const { clock, resolvers } = this.#steps;
    const options = {
      resolvers,
      servers: authoritative.length > 0 ? authoritative : undefined,
      port: limits.dnsPort,
      clock,
      everyMs: limits.dnsVisibleEveryMs,
      silentMs: limits.dnsSilentMs,
      timeoutMs: limits.dnsVisibleTimeoutMs,
    };
    await untilVisible(txt(record), options, signal);
  }

  /** Once now; again later when that fails. Never rejects. */
  async #remove(record: PublishedRecord, retryMs: number): Promise<void> {
    const { clock, store, log, entriesFor } = this.#steps;
    const { certificate: host, name } = record;
    const wanted = new AbortController();
    this.#leftovers.set(keyOf(record), wanted);
    try {
      // Not the order's signal: whatever ended it, the record goes.
      const signal = AbortSignal.timeout(limits.dnsRemoveTimeoutMs);
      const provider = providerOf(entryFor(entriesFor(host), record), record, clock);
      await this.#turns.take(name, async () => {
        if (wanted.signal.aborted) return;
        await provider.remove(txt(record), signal);
        await store.remove(record);
        log.info("dns.removed", { host, name });
      });
      this.#forget(record, wanted);
    } catch (error) {
      log.warn("dns.leftover", { host, name, retryMs, ...failureFacts(error) });
      void this.#removeLater(record, wanted, retryMs);
    }
  }

  async #removeLater(
    record: PublishedRecord,
    wanted: AbortController,
    waitMs: number,
  ): Promise<void> {
    const { clock, signal } = this.#steps;
    try {
      await clock.sleep(waitMs, AbortSignal.any([signal, wanted.signal]));
    } catch {
      return; // wanted again, or for the next start
    } finally {
      this.#forget(record, wanted);
    }
    await this.#remove(record, Math.min(waitMs * 2, limits.dnsRemoveRetryMaxMs));
  }

  #forget(record: PublishedRecord, wanted: AbortController): void {
    const key = keyOf(record);
    if (this.#leftovers.get(key) === wanted) this.#leftovers.delete(key);
  }
}

/**
 * A name that is not of the configuration says nothing to anybody: it may be where a wildcard record
 * (`*.shop.example CNAME …`), which was never meant for proofs, leads them too.
 */
function ledBy(asked: string, name: string, error: unknown): unknown {
  if (!(error instanceof LatchkeyError) || error.code !== "DNS_FAILED") return error;
  const message = `${error.message} (the CNAME of ${asked}, maybe by a wildcard, leads to ${name})`;
  return new LatchkeyError(error.code, message, error.facts, { cause: error });
}

function keyOf({ name, value }: PublishedRecord): string {
  return `${name} ${value}`;
}

function txt({ name, value }: PublishedRecord): TxtRecord {
  return { name, value };
}
