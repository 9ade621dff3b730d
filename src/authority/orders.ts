import { randomBytes } from "node:crypto";
import type { Clock } from "../base/clock.ts";
import type { UriHost } from "../base/uri-host.ts";
import { type Problem, Refusal } from "./refusal.ts";

/** Orders kept at once; a new one pushes out the oldest. */
const ORDERS_MAX = 1_000;
/** An order that is not done by then never will be (RFC 8555 §7.1.3 "expires"). */
const ORDER_LIFE_MS = 86_400_000;
/** RFC 8555 §8.1 asks for 128 random bits at least. */
const TOKEN_BYTES = 24;
const ID_BYTES = 12;

/** The challenges this authority offers: those it can validate by connecting. */
export type ChallengeType = "http-01" | "tls-alpn-01";

/** RFC 8555 §7.1.6: where a challenge stands. */
export type ChallengeState =
  | { readonly status: "pending" | "processing" }
  | { readonly status: "valid"; readonly validatedAt: number }
  | { readonly status: "invalid"; readonly problem: Problem };

export interface Challenge {
  readonly type: ChallengeType;
  readonly token: string;
  state: ChallengeState;
}

/** One name of an order, and the ways to prove it: one that is proven suffices, one that fails is the end. */
export interface Authorization {
  readonly host: UriHost;
  readonly challenges: readonly Challenge[];
}

export interface Order {
  readonly id: string;
  /** Thumbprint of the account's key. */
  readonly account: string;
  readonly authorizations: readonly Authorization[];
  /** CertID (RFC 9773 §4.1) of the certificate that this one takes the place of. */
  readonly replaces: string | undefined;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  issuance: Issuance;
}

/** How far the certificate of an order is. */
export type Issuance =
  | { readonly kind: "not-asked" }
  | { readonly kind: "running" }
  /** `chain`: PEM, leaf first, without the root. */
  | { readonly kind: "done"; readonly chain: string };

/** What a new order is made of; the names are checked already. */
export interface OrderPlan {
  readonly account: string;
  readonly names: readonly UriHost[];
  readonly challenges: readonly ChallengeType[];
  readonly replaces: string | undefined;
}

/**
 * The orders in hand, with all that belongs to them. In memory: a restart forgets them, and an ACME
 * client that finds its order gone places a new one. At most 1,000, each for an hour.
 */
export class Orders {
  readonly #clock: Clock;
  /** Oldest first. */
  readonly #orders = new Map<string, Order>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  place(plan: OrderPlan): Order {
    this.#makeRoom();
    const order: Order = {
      id: randomBytes(ID_BYTES).toString("base64url"),
      account: plan.account,
      authorizations: plan.names.map((host) => newAuthorization(host, plan.challenges)),
      replaces: plan.replaces,
      expiresAt: this.#clock.now() + ORDER_LIFE_MS,
      issuance: { kind: "not-asked" },
    };
    this.#orders.set(order.id, order);
    return order;
  }

  /**
   * The order of that account.
   * @throws {Refusal} `malformed` (404) when there is none, `unauthorized` when it is another account's.
   */
  find(id: string, account: string): Order {
    const order = this.#orders.get(id);
    if (order === undefined) throw new Refusal("malformed", "No such order", { status: 404 });
    if (order.account !== account) {
      throw new Refusal("unauthorized", "The order belongs to another account");
    }
    return order;
  }

  /** How many are kept. */
  get size(): number {
    return this.#orders.size;
  }

  #makeRoom(): void {
    const now = this.#clock.now();
    for (const [id, order] of this.#orders) {
      if (order.expiresAt > now && this.#orders.size < ORDERS_MAX) return;
      this.#orders.delete(id);
    }
  }
}

/** RFC 8555 §7.1.6, read off the challenges. */
export function authorizationStatus(authorization: Authorization, isExpired: boolean) {
  const states = authorization.challenges.map(({ state }) => state.status);
  if (states.includes("invalid")) return "invalid";
  if (isExpired) return "expired";
  return states.includes("valid") ? "valid" : "pending";
}

/** RFC 8555 §7.1.6, read off the authorizations and the issuance. */
export function orderStatus(order: Order, isExpired: boolean) {
  if (order.issuance.kind === "done") return "valid";
  if (isExpired) return "invalid";
  if (order.issuance.kind === "running") return "processing";
  const states = order.authorizations.map((one) => authorizationStatus(one, isExpired));
  if (states.includes("invalid")) return "invalid";
  return states.every((state) => state === "valid") ? "ready" : "pending";
}

/** Why the order failed, if a challenge did. */
export function orderProblem(order: Order): Problem | undefined {
  const states = order.authorizations.flatMap((one) => one.challenges.map(({ state }) => state));
  return states.find((state) => state.status === "invalid")?.problem;
}

function newAuthorization(host: UriHost, types: readonly ChallengeType[]): Authorization {
  const challenges = types.map((type): Challenge => {
    const token = randomBytes(TOKEN_BYTES).toString("base64url");
    return { type, token, state: { status: "pending" } };
  });
  return { host, challenges };
}
