import type { CertificateName } from "../base/certificate-name.ts";
import { type Clock, Deadline } from "../base/clock.ts";
import type { Credential } from "../base/credential.ts";
import { unreachable } from "../base/errors.ts";
import { RecentMap } from "../base/recent-map.ts";
import { SingleFlight } from "../base/single-flight.ts";
import type { UriHost } from "../base/uri-host.ts";
import type { Host } from "../config/config.ts";
import { limits } from "../config/limits.ts";
import { certificateNameOf } from "../config/route.ts";
import type { CertificateOutcome, IssuanceNews } from "../process/certificate-news.ts";
import { GivenCredentials, isFor } from "./given-credentials.ts";
import { IssuedCredentials } from "./issued-credentials.ts";
import { ParkingLot } from "./parking-lot.ts";

/** Where a worker gets credentials from. */
export interface CredentialSources {
  /** Reads the current one from storage; `undefined` when there is none. */
  load(host: CertificateName): Promise<Credential | undefined>;
  /** Reads the files that the operator gave for a host entry. */
  loadManual(route: Host): Promise<Credential>;
  /** Asks the manager for one; rejects when the signal is aborted or the manager cannot be asked. */
  ask(
    host: CertificateName,
    signal: AbortSignal,
    client: string | undefined,
  ): Promise<CertificateOutcome>;
}

/** What a handshake is to go on with. */
export type Obtained =
  | { readonly kind: "credential"; readonly credential: Credential }
  /** Policy says no. */
  | { readonly kind: "refused" }
  /** This client has brought too many new names; `client`: whom the manager counted. */
  | { readonly kind: "spent"; readonly client: string | undefined }
  /** Not to be had now; `cause` for the log, if somebody threw. */
  | { readonly kind: "unavailable"; readonly cause: unknown };

type Absent = Extract<Obtained, { readonly kind: "refused" | "unavailable" }>;

/** One who came for a certificate. */
interface Visitor {
  readonly host: CertificateName;
  readonly route: Host;
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
  readonly client: string | undefined;
}

/**
 * A worker's way to a certificate, and the memory of those it has. Read {@link Credentials.obtain}
 * first.
 */
export class Credentials {
  readonly #sources: CredentialSources;
  readonly #clock: Clock;
  readonly #issued = new IssuedCredentials();
  readonly #given: GivenCredentials;
  readonly #absent = new RecentMap<
    CertificateName,
    { readonly outcome: Absent; readonly at: number }
  >(limits.absentNamesMax);
  readonly #reads = new SingleFlight<CertificateName, Credential | undefined>();
  /** Names that were announced while they were being read: what was read may be older. */
  readonly #outdated = new Set<CertificateName>();
  /** Apart, so that names which strangers make up take no place from the hosts of the configuration. */
  readonly #parked: Readonly<Record<"listed" | "onDemand", ParkingLot<CertificateName, Obtained>>>;

  constructor(sources: CredentialSources, clock: Clock) {
    this.#sources = sources;
    this.#clock = clock;
    this.#given = new GivenCredentials((route) => sources.loadManual(route), clock);
    const newLot = () =>
      new ParkingLot<CertificateName, Obtained>(limits.parkedMax, limits.parkedPerHostMax);
    this.#parked = { listed: newLot(), onDemand: newLot() };
  }

  /** The credential that is in memory and good: most handshakes need not wait for {@link Credentials.obtain}. */
  atHand(host: UriHost, route: Host): Credential | undefined {
    const live = this.#live(certificateNameOf(route, host), route);
    return live !== undefined && this.#isGood(live, route) ? live : undefined;
  }

  /**
   * The credential for a handshake: from memory, else from storage, else from the manager, who may
   * have to order it first. Never throws for want of one. Waits `limits.issueWaitMs` at most, and in
   * bounded company: who finds no place is told `unavailable` at once. A name that has none is
   * remembered for `limits.absentNameMs`, so that a flood of it stays cheap.
   *
   * @param signal aborted when the client is gone.
   * @param client its IP address: how many new names one client may bring is limited.
   */
  obtain(
    host: UriHost,
    route: Host,
    signal: AbortSignal,
    client?: string | undefined,
  ): Promise<Obtained> {
    return this.#obtain({ host: certificateNameOf(route, host), route, signal, client });
  }

  async #obtain(visitor: Visitor): Promise<Obtained> {
    const { host, route, signal } = visitor;
    const live = this.#live(host, route);
    const isManual = route.certificate.kind === "manual";
    if (live !== undefined && this.#isGood(live, route)) return found(live);
    const absent = this.#absent.get(host);
    if (absent !== undefined && this.#isFresh(absent.at))
      return live ? found(live) : absent.outcome;
    try {
      if (isManual) return await this.#obtainGiven(visitor);
      const stored = live ?? (await this.#loadIfReadable(host));
      if (stored === undefined) return await this.#park(visitor, limits.issueWaitMs);
      return this.#hasExpired(stored) ? await this.#orRenewed(visitor, stored) : found(stored);
    } catch (cause) {
      const outcome = { kind: "unavailable", cause } as const;
      return signal.aborted ? outcome : this.#remember(host, outcome);
    }
  }

  /**
   * A new certificate for `host` is in storage, or is `held`. Resolves with the serial that this
   * worker serves from now on, or `undefined` when it does not hold the name and will load it at
   * need. When it cannot be read, or is of before what was heard last, the one served before stays.
   *
   * @throws {LatchkeyError} `CERTIFICATE_INVALID` for a held one that cannot be used, and what
   * `load` throws.
   */
  async announced({ host, issuance, held }: IssuanceNews): Promise<string | undefined> {
    this.#absent.delete(host);
    if (held !== undefined) {
      this.#issued.hold(host, issuance, held);
      return this.servedSerial(host);
    }
    const isNews = this.#issued.hear(host, issuance);
    if (!this.#issued.has(host) && !this.#reads.has(host)) return undefined;
    const older = this.#issued.heldOf(host);
    const stored = await this.#readAgain(host);
    if (isNews && stored !== undefined && this.#issued.heldOf(host) === older)
      this.#issued.saved(host);
    return this.servedSerial(host);
  }

  /** See {@link GivenCredentials.readAhead}. */
  readAhead(hosts: readonly Host[], signal: AbortSignal): Promise<void> {
    return this.#given.readAhead(hosts, signal);
  }

  /** The serial that a client of `host` gets from here; `undefined` while none is in memory. */
  servedSerial(host: CertificateName): string | undefined {
    return this.#issued.peek(host)?.serial;
  }

  #live(host: CertificateName, route: Host): Credential | undefined {
    if (route.certificate.kind === "manual") return this.#given.get(route);
    return this.#issued.get(host);
  }

  /** What was given by hand is served as it is. */
  #isGood(live: Credential, route: Host): boolean {
    return route.certificate.kind === "manual" || !this.#hasExpired(live);
  }

  #hasExpired({ notAfter }: Credential): boolean {
    return notAfter <= this.#clock.now();
  }

  /**
   * The certificate that the manager is just renewing, if it comes soon; else the expired one, which
   * is better than none, and the clock may be wrong.
   */
  async #orRenewed(visitor: Visitor, expired: Credential): Promise<Obtained> {
    const { host } = visitor;
    const wait = this.#park(visitor, limits.expiredWaitMs);
    const renewed = await wait.catch((cause: unknown) => ({ kind: "unavailable", cause }) as const);
    if (renewed.kind === "credential" && !this.#hasExpired(renewed.credential)) return renewed;
    // For the next moment nobody need ask again, nor wait.
    this.#remember(host, { kind: "unavailable", cause: undefined });
    return found(this.#issued.get(host) ?? expired);
  }

  /**
   * From its files; when they cannot be used, or are for other hosts, what they held before, if the manager knows
   * that; else as they are.
   */
  async #obtainGiven(visitor: Visitor): Promise<Obtained> {
    const { route } = visitor;
    const read = await this.#given.read(route).then(found, unavailable);
    if (read.kind === "credential" && isFor(route, read.credential)) return read;
    const before = await this.#park(visitor, limits.expiredWaitMs).catch(unavailable);
    visitor.signal.throwIfAborted(); // who has left decides nothing for the others
    const served = before.kind === "credential" ? before : read;
    if (served.kind !== "credential") throw served.cause;
    this.#given.keep(route, served.credential);
    return served;
  }

  /** A storage that cannot be read must not stop what the manager may hold in memory. */
  #loadIfReadable(host: CertificateName): Promise<Credential | undefined> {
    return this.#read(host).catch(() => undefined);
  }

  async #park({ host, route, signal, client }: Visitor, waitMs: number): Promise<Obtained> {
    using deadline = new Deadline(signal, waitMs);
    const lot = this.#parked[route.pattern.kind === "exact" ? "listed" : "onDemand"];
    for (;;) {
      const outcome = await lot.wait(host, deadline.signal, async (gone) => {
        using inTime = new Deadline(gone, limits.issueWaitMs);
        return await this.#ask(host, inTime.signal, client);
      });
      // Who waited beside a client that may bring no more names asks again on its own account.
      if (outcome?.kind === "spent" && outcome.client !== client) continue;
      return outcome ?? { kind: "unavailable", cause: new Error("too many handshakes wait") };
    }
  }

  /** The manager's word. One conversation per name, whoever waits for it. */
  async #ask(
    host: CertificateName,
    signal: AbortSignal,
    client: string | undefined,
  ): Promise<Obtained> {
    const outcome = await this.#sources.ask(host, signal, client);
    switch (outcome.kind) {
      case "stored":
        return await this.#fromStorage(host);
      case "held": {
        this.#issued.hold(host, outcome.credential.issuance, outcome.credential);
        const held = this.#issued.heldOf(host); // a newer one, if that came meanwhile
        return held === undefined ? await this.#fromStorage(host) : found(held);
      }
      case "refused":
        return this.#remember(host, { kind: "refused" });
      case "spent": // not remembered: it says nothing about the name
        return { kind: "spent", client };
      case "unavailable":
        return this.#remember(host, { kind: "unavailable", cause: undefined });
      default:
        return unreachable(outcome);
    }
  }

  async #fromStorage(host: CertificateName): Promise<Obtained> {
    const credential = await this.#readAgain(host);
    if (credential !== undefined) return found(credential);
    return this.#remember(host, { kind: "unavailable", cause: new Error("not in storage") });
  }

  #remember(host: CertificateName, outcome: Absent): Absent {
    this.#absent.set(host, { outcome, at: this.#clock.now() });
    return outcome;
  }

  /** A clock that was set back must not make it last. */
  #isFresh(at: number): boolean {
    const age = this.#clock.now() - at;
    return age >= 0 && age < limits.absentNameMs;
  }

  /** Reads storage, one read per name at a time; one that was overtaken by news is done again. */
  #read(host: CertificateName): Promise<Credential | undefined> {
    return this.#reads.run(host, async () => {
      for (;;) {
        this.#outdated.delete(host);
        const credential = await this.#sources.load(host);
        if (this.#outdated.has(host)) continue;
        if (credential !== undefined) this.#issued.read(host, credential);
        return credential;
      }
    });
  }

  /** The same after news: a read that is under way may have seen what was there before. */
  #readAgain(host: CertificateName): Promise<Credential | undefined> {
    if (this.#reads.has(host)) this.#outdated.add(host);
    return this.#read(host);
  }
}

function found(credential: Credential) {
  return { kind: "credential", credential } as const;
}

function unavailable(cause: unknown) {
  return { kind: "unavailable", cause } as const;
}
