import type { CertificateName } from "../base/certificate-name.ts";
import { type Clock, withDeadline } from "../base/clock.ts";
import { LatchkeyError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { RolloverOutcome } from "../base/rollover-outcome.ts";
import type { Config, Host, Issuer } from "../config/config.ts";
import { limits } from "../config/limits.ts";
import type { Storage } from "../storage/storage.ts";
import { Accounts, type Endpoint } from "./account.ts";
import { Budgets } from "./budgets.ts";
import { caLimitsOf } from "./ca-limits.ts";
import { Endpoints, type TransportTo } from "./endpoints.ts";
import type { IssueSteps } from "./issue.ts";
import { OrderQueue } from "./order-queue.ts";
import { pausing } from "./pausing.ts";
import { type Planned, purposeOf } from "./planned-order.ts";
import type { Holding } from "./records.ts";
import { REVOCATION_REASONS, type RevocationReason } from "./revocation.ts";
import { rollOver } from "./rollover.ts";
import { issuerInTurn } from "./turn.ts";
import type { Wait } from "./wait.ts";

/** What the way to the CAs needs from its surroundings. */
export interface CaAccessSteps {
  readonly config: Pick<Config, "email" | "acme" | "hosts">;
  readonly storage: Storage;
  /** The internal one. */
  readonly authority: Endpoint;
  /** Over HTTPS, unless given. */
  readonly transportTo?: TransportTo | undefined;
  /** The entry whose certificate is made out to this name. */
  findHost(name: CertificateName): Host | undefined;
  readonly clock: Clock;
  readonly log: Log;
  /** Ends everything. */
  readonly signal: AbortSignal;
}

/** Everything between this program and its CAs: the ways there, our accounts, and what each CA allows. */
export class CaAccess {
  readonly endpoints: Endpoints;
  readonly accounts: Accounts;
  readonly budgets: Budgets;
  /** Where attempts wait for their turn. */
  readonly queue: OrderQueue;
  readonly #steps: CaAccessSteps;
  /** By directory, as it was last read. */
  readonly #caaIdentities = new Map<string, readonly string[]>();

  constructor(steps: CaAccessSteps) {
    const { config, storage, authority, clock, log, signal } = steps;
    const limitsOf = (directory: string) => caLimitsOf(directory, authority.directory);
    const ratesOf = (directory: string) => limitsOf(directory).rates;
    this.#steps = steps;
    this.budgets = new Budgets({ store: storage.budgets, ratesOf, clock, log });
    this.queue = new OrderQueue({
      clock,
      signal,
      inFlightMax: limits.ordersInFlightMax,
      paceMsOf: (directory) => limitsOf(directory).paceMs,
    });
    this.endpoints = new Endpoints(
      authority,
      (transport, directory) =>
        pausing(transport, directory, {
          budgets: this.budgets,
          clock,
          noticed: (identities) => void this.#caaIdentities.set(directory, identities),
        }),
      steps.transportTo,
    );
    this.accounts = new Accounts({
      email: config.email,
      store: storage.accounts,
      register: (directory, work) => this.budgets.register(directory, work),
      clock,
      log,
    });
  }

  /** Does a failed authorization cost something at this CA? */
  countsFailures(issuer: Issuer): boolean {
    const directory = this.endpoints.directoryOf(issuer);
    return caLimitsOf(directory, this.#steps.authority.directory).rates.failures !== undefined;
  }

  /** The names by which the CA with this directory goes in CAA records; `undefined` when this program has not heard them yet. */
  caaIdentitiesOf(directory: string): readonly string[] | undefined {
    return this.#caaIdentities.get(directory);
  }

  /**
   * The names that a CAA record must hold for the CA whose turn it is: as it said last, if only when the name failed
   * there, perhaps to a program of before. `undefined` when nobody knows.
   */
  caaIdentitiesFor(holding: Holding): readonly string[] | undefined {
    const directory = this.directoryFor(holding) ?? "";
    const { cause } = holding;
    const known = cause?.issuer === directory ? cause.caaIdentities : undefined;
    return this.caaIdentitiesOf(directory) ?? known;
  }

  /** URL of the directory of the CA that is asked next for this name. */
  directoryFor({ host, turn }: Holding): string | undefined {
    const source = this.#steps.findHost(host)?.certificate;
    const issuers = source?.kind === "acme" ? source.issuers : [];
    const directories = issuers.map((issuer) => this.endpoints.directoryOf(issuer));
    return directories[issuerInTurn(directories, turn)];
  }

  /** What issuing needs of it. */
  get issuing(): Pick<IssueSteps, "accounts" | "budgets" | "endpointOf" | "orders"> {
    const { accounts, budgets, endpoints } = this;
    const { orders } = this.#steps.storage;
    return { accounts, budgets, orders, endpointOf: (issuer) => endpoints.of(issuer) };
  }

  /** Why nothing can be ordered for this name there now; `undefined` when it can. */
  waitFor(holding: Holding, directory: string): Wait | undefined {
    return this.budgets.waitFor(planFor(holding, directory));
  }

  /**
   * May one more new name on demand of this registered domain be ordered? By what the first issuer counts; our own
   * authority counts nothing. Never rejects.
   */
  async spendOnDemand(domain: string, issuers: readonly Issuer[]): Promise<boolean> {
    const counting = issuers.find(({ kind }) => kind !== "internal");
    if (counting === undefined) return true;
    const directory = this.endpoints.directoryOf(counting);
    return await this.budgets.spend({ directory, kind: "on-demand", subject: domain });
  }

  /** See {@link Budgets.reopen}. */
  reopen(holding: Holding, directory: string): void {
    this.budgets.reopen(planFor(holding, directory));
  }

  /** The CA with this directory, while it is one of the issuers of the name. */
  endpointOf(name: CertificateName, directory: string): Endpoint | undefined {
    const source = this.#steps.findHost(name)?.certificate;
    return source?.kind === "acme" ? this.endpoints.find(source.issuers, directory) : undefined;
  }

  /** See {@link rollOver}: for every CA of the configuration, or the one with this directory. */
  rollOver(directory: string | undefined): Promise<readonly RolloverOutcome[]> {
    const { log, signal, config } = this.#steps;
    const { accounts, queue, endpoints } = this;
    const ways = issuersOf(config).map((issuer) => endpoints.of(issuer));
    return rollOver(
      { accounts, queue, log, signal },
      ways.filter((way) => directory === undefined || way.directory === directory),
    );
  }

  /**
   * Revokes a certificate of `name` at the CA that issued it, as the account that ordered it.
   *
   * @throws {LatchkeyError} `HOST_REFUSED` when that CA is none of the host's issuers any more, or as the CA does.
   */
  async revoke(
    name: CertificateName,
    { chain, issuer }: { readonly chain: string; readonly issuer: string },
    reason: RevocationReason,
  ): Promise<void> {
    const endpoint = this.endpointOf(name, issuer);
    if (endpoint === undefined) {
      const why = `its issuer ${issuer} is none of the host's issuers any more, and hears of it when it is one again`;
      throw new LatchkeyError("HOST_REFUSED", `Cannot revoke the certificate of ${name}: ${why}`);
    }
    const deadline = withDeadline(this.#steps.signal, limits.acmeRequestTimeoutMs);
    const client = await this.accounts.clientFor(endpoint, deadline);
    await client.revoke(chain, REVOCATION_REASONS[reason], deadline);
  }
}

function planFor({ host, certificate }: Holding, directory: string): Planned {
  const purpose = purposeOf(directory, certificate, certificate?.certId !== undefined);
  return { directory, name: host, purpose };
}

/** Of all hosts, and those that others would get. */
function issuersOf({ acme, hosts }: Pick<Config, "acme" | "hosts">): readonly Issuer[] {
  const ofHosts = hosts.flatMap(({ certificate }) =>
    certificate.kind === "acme" ? certificate.issuers : [],
  );
  return [...ofHosts, ...acme.issuers];
}
