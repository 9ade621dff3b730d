import { type AccountBinding, AcmeClient } from "../acme/client.ts";
import { createKey } from "../acme/keys.ts";
import type { AcmeTransport } from "../acme/transport.ts";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { SingleFlight } from "../base/single-flight.ts";
import { limits } from "../config/limits.ts";
import type { Accounts as AccountStore } from "../storage/accounts.ts";

/** What the accounts need from their surroundings. */
export interface AccountSteps {
  readonly email: string | undefined;
  readonly clock: Clock;
  readonly log: Log;
  readonly store: Pick<AccountStore, "load" | "save">;
}

/** How a CA is reached: the URL of its directory, the way its requests go, and what a new account needs. */
export interface Endpoint {
  readonly directory: string;
  readonly transport: AcmeTransport;
  readonly binding?: AccountBinding | undefined;
}

/** One account with each CA, made at the first need and kept for ever. */
export class Accounts {
  readonly #steps: AccountSteps;
  readonly #clients = new Map<string, AcmeClient>();
  readonly #flights = new SingleFlight<string, AcmeClient>();

  constructor(steps: AccountSteps) {
    this.#steps = steps;
  }

  /** A client that speaks for our account with this CA. */
  clientFor(endpoint: Endpoint, signal: AbortSignal): Promise<AcmeClient> {
    const known = this.#clients.get(endpoint.directory);
    if (known !== undefined) return Promise.resolve(known);
    return this.#flights.run(endpoint.directory, async () => {
      const stored = await this.#steps.store.load(endpoint.directory);
      const client =
        stored?.url === undefined
          ? await this.#register(endpoint, stored?.key, signal)
          : this.#client(endpoint, stored.key, stored.url);
      this.#clients.set(endpoint.directory, client);
      return client;
    });
  }

  /**
   * The CA does not know our account (any more): makes a new one.
   *
   * @param lost The client that found out. Of several orders that do, the first makes the new account.
   */
  async replace(endpoint: Endpoint, lost: AcmeClient, signal: AbortSignal): Promise<AcmeClient> {
    return await this.#flights.run(endpoint.directory, async () => {
      const current = this.#clients.get(endpoint.directory);
      if (current !== undefined && current !== lost) return current;
      this.#steps.log.warn("account.lost", { issuer: endpoint.directory });
      const client = await this.#register(endpoint, undefined, signal);
      this.#clients.set(endpoint.directory, client);
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
    const url = await client.createAccount({ email }, signal);
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
