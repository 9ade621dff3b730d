import type { AcmeTransport } from "../acme/transport.ts";
import { SingleFlight } from "../base/single-flight.ts";
import { Authority, type AuthorityOptions } from "./authority.ts";
import { urlOf } from "./resources.ts";

/**
 * The internal authority, opened now if its files allow it and else at the next order: a disk that
 * cannot be written into is no reason not to serve what is stored.
 */
export class StandbyAuthority {
  /** URL of the directory, as {@link Authority.directory}. */
  readonly directory = urlOf({ kind: "directory" });
  readonly transport: AcmeTransport;
  readonly #options: AuthorityOptions;
  readonly #opening = new SingleFlight<"authority", Authority>();
  #authority: Authority | undefined;

  constructor(options: AuthorityOptions) {
    this.#options = options;
    this.transport = {
      request: async (request, signal) => (await this.open()).transport.request(request, signal),
    };
  }

  /**
   * Opens it, or returns the one that is open.
   *
   * @throws What {@link Authority.open} throws.
   */
  async open(): Promise<Authority> {
    this.#authority ??= await this.#opening.run("authority", () => Authority.open(this.#options));
    return this.#authority;
  }

  /** Writes back what was deleted of its files, if it is open. @throws What the store throws. */
  async restore(): Promise<void> {
    await this.#authority?.restore();
  }

  /** Ends the validations under way. */
  close(): void {
    this.#authority?.close();
  }
}
