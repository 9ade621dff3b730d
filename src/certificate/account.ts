import { AcmeClient } from "../acme/client.ts";
import { createKey } from "../acme/keys.ts";
import type { AccountBinding } from "../acme/signing.ts";
import type { AcmeTransport } from "../acme/transport.ts";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { Semaphore } from "../base/semaphore.ts";
import { SingleFlight } from "../base/single-flight.ts";
import { limits } from "../config/limits.ts";
import type { Accounts as AccountStore } from "../storage/accounts.ts";
import type { Budgets } from "./budgets.ts";

/** What the accounts need from their surroundings. */
export interface AccountSteps {
  readonly email: string | undefined;
  readonly clock: Clock;
  readonly log: Log;
  readonly store: Pick<AccountStore, "load" | "save">;
  /** Makes an account (`work`), if the CA allows us another one; see {@link Budgets.register}. */
  register(directory: string, work: () => Promise<string>): Promise<string>;
}

/**
 * How a CA is reached: the URL of its directory, the way its requests go, and what a new account needs.
 * The object stands for the way: the same issuer brings the same one.
 */
export interface Endpoint {
  readonly directory: string;
  readonly transport: AcmeTransport;
  readonly binding?: AccountBinding | undefined;
}

/**
 * One account with each CA, made at the first need and kept for ever. Issuers may reach one directory in
 * several ways (another `trust`, another profile): each has a client of its own, for the one account.
 */
export class Accounts {
  readonly #steps: AccountSteps;
  readonly #clients = new Map<Endpoint, AcmeClient>();
  readonly #flights = new SingleFlight<Endpoint, AcmeClient>();
  /** By directory: its account is made by one way to it at a time. */
  readonly #turns = new Map<string, Semaphore>();

  constructor(steps: AccountSteps) {
    this.#steps = steps;
  }

  /** A client that speaks for our account with this CA, in this way; the same one for the same endpoint. */
  clientFor(endpoint: Endpoint, signal: AbortSignal): Promise<AcmeClient> {
    const known = this.#clients.get(endpoint);
    if (known !== undefined) return Promise.resolve(known);
    return this.#inTurn(endpoint, signal, async () => {
      const stored = await this.#steps.store.load(endpoint.directory);
      return stored?.url === undefined
        ? await this.#register(endpoint, stored?.key, signal)
        : this.#client(endpoint, stored.key, stored.url);
    });
  }

  /**
   * The CA does not know our account (any more): makes a new one.
   *
   * @param lost The client that found out. Of several orders that do, the first makes the new account.
   */
  async replace(endpoint: Endpoint, lost: AcmeClient, signal: AbortSignal): Promise<AcmeClient> {
    return await this.#inTurn(endpoint, signal, async () => {
      const current = this.#clients.get(endpoint);
      if (current !== undefined && current !== lost) return current;
      const { directory } = endpoint;
      const stored = await this.#steps.store.load(directory);
      if (stored?.url !== undefined && stored.url !== lost.accountUrl)
        return this.#client(endpoint, stored.key, stored.url);
      this.#steps.log.warn("account.lost", { issuer: directory });
      return await this.#register(endpoint, undefined, signal);
    });
  }

  #inTurn(
    endpoint: Endpoint,
    signal: AbortSignal,
    find: () => Promise<AcmeClient>,
  ): Promise<AcmeClient> {
    const turn = this.#turns.get(endpoint.directory) ?? new Semaphore(1);
    this.#turns.set(endpoint.directory, turn);
    return this.#flights.run(endpoint, async () => {
      const client = await turn.run(find, signal);
      this.#clients.set(endpoint, client);
      return client;
    });
  }

  /** The key is on disk before the CA hears of it: an account whose key is lost is lost. */
  async #register(
    endpoint: Endpoint,
    known: string | undefined,
    signal: AbortSignal,
  ): Promise<AcmeClient> {
    const { directory } = endpoint;
    const { store, clock, email, log } = this.#steps;
    const key = known ?? (await createKey("ecdsa-p256"));
    const createdAt = clock.now();
    await store.save({ directory, key, url: undefined, createdAt });
    const client = this.#client(endpoint, key, undefined);
    const { termsOfService } = await client.directory(signal);
    const url = await this.#steps.register(directory, () =>
      client.createAccount({ email }, signal),
    );
    await store.save({ directory, key, url, createdAt });
    log.info("account.created", { issuer: directory, account: url, termsOfService });
    return client;
  }

  #client(
    { directory, transport, binding }: Endpoint,
    key: string,
    url: string | undefined,
  ): AcmeClient {
    return new AcmeClient({
      directory,
      transport,
      binding,
      accountKey: key,
      accountUrl: url,
      clock: this.#steps.clock,
      badNonceRetries: limits.acmeBadNonceRetriesMax,
      noncePoolMax: limits.acmeNoncePoolMax,
    });
  }
}
