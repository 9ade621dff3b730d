import { AcmeClient } from "../acme/client.ts";
import { createKey } from "../acme/keys.ts";
import { AcmeProblem } from "../acme/problem.ts";
import type { AccountBinding } from "../acme/signing.ts";
import type { AcmeTransport } from "../acme/transport.ts";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { Semaphore } from "../base/semaphore.ts";
import { SingleFlight } from "../base/single-flight.ts";
import { limits } from "../config/limits.ts";
import type { Accounts as AccountStore, StoredAccount } from "../storage/accounts.ts";
import type { Budgets } from "./budgets.ts";
import { isAccountRefused } from "./lost-account.ts";

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

/** What became of a change of keys. */
export type Rolled =
  | { readonly kind: "changed"; readonly account: string }
  /** There is no account. */
  | { readonly kind: "none" }
  /** The CA does not do it. */
  | { readonly kind: "not-offered" };

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
      const stored = await this.#settled(endpoint, signal);
      if (stored?.url !== undefined) return this.#client(endpoint, stored.key, stored.url);
      return await this.#find(endpoint, stored?.key, signal);
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

  /**
   * Gives our account with this CA a new key (RFC 8555 §7.3.5). The caller sees to it that no order is under way
   * there. The key is on disk before the CA hears of it, and whatever happens then, the CA decides which of
   * the two counts: see {@link Accounts.#settled}.
   *
   * @throws As the CA does; it is asked again before the account is used.
   */
  async roll(endpoint: Endpoint, signal: AbortSignal): Promise<Rolled> {
    const { directory } = endpoint;
    if ((await this.#steps.store.load(directory)) === undefined) return { kind: "none" };
    const client = await this.clientFor(endpoint, signal);
    if ((await client.directory(signal)).keyChangeUrl === undefined) return { kind: "not-offered" };
    return await this.#turnOf(directory).run(async () => {
      const stored = await this.#steps.store.load(directory);
      if (stored?.url === undefined) return { kind: "none" };
      await this.#change(endpoint, client, { ...stored, url: stored.url }, signal);
      return { kind: "changed", account: stored.url };
    }, signal);
  }

  async #change(
    endpoint: Endpoint,
    client: AcmeClient,
    stored: StoredAccount,
    signal: AbortSignal,
  ): Promise<void> {
    const { store } = this.#steps;
    const nextKey = await createKey("ecdsa-p256");
    await store.save({ ...stored, nextKey });
    for (const known of this.#clients.keys())
      if (known.directory === endpoint.directory) this.#clients.delete(known);
    try {
      await client.changeKey(nextKey, signal);
    } catch (error) {
      if (error instanceof AcmeProblem) await this.#settled(endpoint, signal);
      throw error;
    }
    const { directory, url, createdAt } = stored;
    await store.save({ directory, key: nextKey, url, createdAt });
  }

  /**
   * The stored account with one key. Where a change of keys was interrupted there are two, and only the CA
   * knows which one counts: it is asked for the account of each. When it knows neither, both stay, until a
   * new account takes their place.
   */
  async #settled(endpoint: Endpoint, signal: AbortSignal): Promise<StoredAccount | undefined> {
    const { store, log } = this.#steps;
    const stored = await store.load(endpoint.directory);
    if (stored?.nextKey === undefined) return stored;
    const { directory, createdAt, nextKey, ...rest } = stored;
    if (nextKey === stored.key) {
      // All was done but for the last step.
      await store.save({ directory, createdAt, ...rest });
      return { directory, createdAt, ...rest };
    }
    for (const key of [nextKey, stored.key]) {
      const url = await this.#accountOf(endpoint, key, signal);
      if (url === undefined) continue;
      await store.save({ directory, key, url, createdAt });
      const counts = key === stored.key ? "the old one" : "the new one";
      log.warn("account.key-settled", { issuer: directory, account: url, key: counts });
      return { directory, key, url, createdAt };
    }
    return stored;
  }

  /** The account of this key, if the CA has one that can be used (RFC 8555 §7.3.1). */
  async #accountOf(
    endpoint: Endpoint,
    key: string,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    try {
      const client = this.#client(endpoint, key, undefined);
      return await client.createAccount({ onlyReturnExisting: true }, signal);
    } catch (error) {
      if (isAccountRefused(error)) return undefined;
      throw error;
    }
  }

  #turnOf(directory: string): Semaphore {
    const turn = this.#turns.get(directory) ?? new Semaphore(1);
    this.#turns.set(directory, turn);
    return turn;
  }

  #inTurn(
    endpoint: Endpoint,
    signal: AbortSignal,
    find: () => Promise<AcmeClient>,
  ): Promise<AcmeClient> {
    const turn = this.#turnOf(endpoint.directory);
    return this.#flights.run(endpoint, async () => {
      const client = await turn.run(find, signal);
      this.#clients.set(endpoint, client);
      return client;
    });
  }

  /** The account of a key that is known, which may be closed: then a new one, of a new key. */
  async #find(
    endpoint: Endpoint,
    known: string | undefined,
    signal: AbortSignal,
  ): Promise<AcmeClient> {
    try {
      return await this.#register(endpoint, known, signal);
    } catch (error) {
      // With a binding that may be what is refused.
      const isClosed = known !== undefined && endpoint.binding === undefined;
      if (!isClosed || !isAccountRefused(error)) throw error;
      this.#steps.log.warn("account.lost", { issuer: endpoint.directory });
      return await this.#register(endpoint, undefined, signal);
    }
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
