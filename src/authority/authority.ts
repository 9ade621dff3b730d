import { setImmediate as nextTurn } from "node:timers/promises";
import type { AcmeTransport } from "../acme/transport.ts";
import type { Clock } from "../base/clock.ts";
import { LatchkeyError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { AuthorityStore } from "./ca-pair.ts";
import { IssuerKeeper } from "./issuer.ts";
import { Orders } from "./orders.ts";
import { RenewalInfo } from "./renewal-info.ts";
import { isOwnUrl, urlOf } from "./resources.ts";
import { Server } from "./server.ts";
import { suffixesWith } from "./suffixes.ts";
import type { Reach } from "./validate.ts";

export interface AuthorityOptions {
  readonly store: AuthorityStore;
  readonly clock: Clock;
  readonly log: Log;
  /** Life of the certificates it issues, in milliseconds: a minute and up. Whole seconds count. */
  readonly lifetimeMs: number;
  /** Suffixes beyond `localhost`, `internal`, `test`, `home.arpa` that it may certify. */
  readonly permit: readonly string[];
  /**
   * Where this program's own listeners are, by addresses that can be dialled: validation goes there
   * and nowhere else, since such names often do not resolve. Read anew for every order.
   */
  readonly reach: Reach;
}

/**
 * The internal CA: an ACME server (RFC 8555, 8737, 9773) in this very process that opens no port and
 * validates every name by connecting to our own listeners. Accounts, root and intermediate outlive a
 * restart; nonces, orders and renewal advice do not.
 *
 * Its files in the store: `root.pem`, `root.key`, `intermediate.pem`, `intermediate.key`, and
 * `root-<digest>.*` of roots that were replaced.
 */
export class Authority {
  /** URL of the directory; nothing listens there, only {@link transport} leads to it. */
  readonly directory = urlOf({ kind: "directory" });
  /** Hands requests to the authority, in process. After {@link close} it rejects. */
  readonly transport: AcmeTransport;
  readonly #keeper: IssuerKeeper;
  readonly #closing = new AbortController();

  private constructor(options: AuthorityOptions, keeper: IssuerKeeper) {
    this.#keeper = keeper;
    const { clock, log, lifetimeMs, reach } = options;
    const server = new Server({
      orders: new Orders(clock),
      renewalInfo: new RenewalInfo(),
      suffixes: suffixesWith(options.permit),
      closing: this.#closing.signal,
      keeper,
      clock,
      log,
      lifetimeMs,
      reach,
    });
    this.transport = transportTo(server, this.#closing.signal);
  }

  /**
   * Loads root and intermediate, or makes them; see {@link IssuerKeeper} for what is done about
   * files that are broken, about to end, or made for another `permit`.
   *
   * @throws What the store throws. {TypeError} for a suffix in `permit` that is not a host name.
   */
  static async open(options: AuthorityOptions): Promise<Authority> {
    const { store, clock, log, lifetimeMs } = options;
    const suffixes = suffixesWith(options.permit);
    const keeper = await IssuerKeeper.open({ store, clock, log, lifetimeMs, suffixes });
    return new Authority(options, keeper);
  }

  /** The root to trust, PEM. It changes only when the root is replaced. */
  get rootPem(): string {
    return this.#keeper.current.root.certificate.toString();
  }

  /** See {@link IssuerKeeper.restore}. */
  restore(): Promise<void> {
    return this.#keeper.restore();
  }

  /** Ends the validations under way and takes no more requests. */
  close(): void {
    this.#closing.abort();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function transportTo(server: Server, closing: AbortSignal): AcmeTransport {
  return {
    async request(request, signal) {
      if (closing.aborted) throw unreachableBecause("it is closed");
      if (signal.aborted) throw unreachableBecause("the wait was ended", signal.reason);
      if (!isOwnUrl(request.url)) throw unreachableBecause("the URL is not one of its own");
      // As over a network: a client that polls without a pause leaves room for the validation.
      await nextTurn();
      return server.answer(request);
    },
  };
}

function unreachableBecause(why: string, cause?: unknown): LatchkeyError {
  return new LatchkeyError(
    "ACME_UNREACHABLE",
    `Cannot reach the internal authority: ${why}`,
    {},
    { cause },
  );
}
