import type { AcmeAnswer } from "../acme/transport.ts";
import type { Clock } from "../base/clock.ts";
import { formatTime } from "../base/format-time.ts";
import { isIpAddress } from "../base/ip-address.ts";
import type { UriHost } from "../base/uri-host.ts";
import type { SignedRequest } from "./authenticate.ts";
import type { Fields } from "./fields.ts";
import { readIdentifiers } from "./identifiers.ts";
import {
  type Authorization,
  authorizationStatus,
  type Challenge,
  type ChallengeType,
  type Order,
  type Orders,
  orderProblem,
  orderStatus,
} from "./orders.ts";
import { problemOf, Refusal } from "./refusal.ts";
import type { RenewalInfo } from "./renewal-info.ts";
import { replyJson } from "./reply.ts";
import { urlOf } from "./resources.ts";
import { offeredChallenges, type Reach, validate } from "./validate.ts";

/** What ordering works with. */
export interface OrderingParts {
  readonly orders: Orders;
  readonly renewalInfo: RenewalInfo;
  readonly clock: Clock;
  readonly suffixes: readonly string[];
  readonly reach: Reach;
  /** Aborted when the authority closes: ends the validations under way. */
  readonly closing: AbortSignal;
}

/** Where an authorization or challenge is: which order, which of its names. */
export interface Place {
  readonly order: string;
  readonly index: number;
}

/** Orders, authorizations and challenges as resources (RFC 8555 §7.4, §7.5). */
export class Ordering {
  readonly #parts: OrderingParts;

  constructor(parts: OrderingParts) {
    this.#parts = parts;
  }

  /** newOrder. */
  place({ account, fields }: SignedRequest): AcmeAnswer {
    if (fields === undefined) throw new Refusal("malformed", "newOrder needs an object");
    const { orders, renewalInfo, suffixes, reach } = this.#parts;
    refuseWishes(fields);
    const names = readIdentifiers(fields, suffixes);
    const replaces = readReplaces(fields);
    if (replaces !== undefined) renewalInfo.checkReplaces(replaces, account.thumbprint, names);
    const challenges = offeredChallenges(reach);
    if (challenges.length === 0) {
      throw new Refusal("serverInternal", "No listener of this program could answer a challenge");
    }
    const order = orders.place({ account: account.thumbprint, names, challenges, replaces });
    return this.showOrder(order, 201);
  }

  /** An order by its URL. */
  readOrder({ account }: SignedRequest, id: string): AcmeAnswer {
    return this.showOrder(this.#parts.orders.find(id, account.thumbprint), 200);
  }

  /** The order object (§7.1.3). */
  showOrder(order: Order, status: 200 | 201): AcmeAnswer {
    const { id, authorizations, replaces, issuance } = order;
    const isDone = issuance.kind === "done";
    const state = orderStatus(order, this.#isExpired(order));
    const body = {
      status: state,
      expires: formatTime(order.expiresAt),
      identifiers: authorizations.map(({ host }) => identifierOf(host)),
      authorizations: authorizations.map((_, index) =>
        urlOf({ kind: "authorization", order: id, index }),
      ),
      finalize: urlOf({ kind: "finalize", order: id }),
      certificate: isDone ? urlOf({ kind: "certificate", order: id }) : undefined,
      error: state === "invalid" ? orderProblem(order) : undefined,
      replaces,
    };
    return replyJson(status, body, { location: urlOf({ kind: "order", order: id }) });
  }

  /** An authorization by its URL (§7.5). */
  readAuthorization(request: SignedRequest, place: Place): AcmeAnswer {
    const { order, authorization } = this.#find(request, place);
    return replyJson(200, {
      identifier: identifierOf(authorization.host),
      status: authorizationStatus(authorization, this.#isExpired(order)),
      expires: formatTime(order.expiresAt),
      challenges: authorization.challenges.map((challenge) => challengeObject(challenge, place)),
    });
  }

  /** A challenge by its URL: read, or (with an object) to be validated now (§7.5.1). Never waits. */
  answerChallenge(request: SignedRequest, place: Place, type: ChallengeType): AcmeAnswer {
    const { order, authorization } = this.#find(request, place);
    const challenge = authorization.challenges.find((one) => one.type === type);
    if (challenge === undefined) throw notFound();
    const status = authorizationStatus(authorization, this.#isExpired(order));
    if (request.fields !== undefined && status === "pending") {
      this.#validate(challenge, authorization, request);
    }
    const up = urlOf({ kind: "authorization", order: place.order, index: place.index });
    return replyJson(200, challengeObject(challenge, place), { link: `<${up}>;rel="up"` });
  }

  #validate(challenge: Challenge, { host }: Authorization, { account }: SignedRequest): void {
    if (challenge.state.status !== "pending") return;
    challenge.state = { status: "processing" };
    const { reach, closing, clock } = this.#parts;
    const keyAuthorization = `${challenge.token}.${account.thumbprint}`;
    const proof = { host, token: challenge.token, keyAuthorization };
    // The client polls for the outcome.
    void validate(challenge.type, proof, reach, closing).then(
      (problem) => {
        challenge.state =
          problem === undefined
            ? { status: "valid", validatedAt: clock.now() }
            : { status: "invalid", problem };
      },
      () => {
        const problem = problemOf("serverInternal", "The validation could not be carried out");
        challenge.state = { status: "invalid", problem };
      },
    );
  }

  #find({ account }: SignedRequest, place: Place) {
    const order = this.#parts.orders.find(place.order, account.thumbprint);
    const authorization = order.authorizations[place.index];
    if (authorization === undefined) throw notFound();
    return { order, authorization };
  }

  #isExpired(order: Order): boolean {
    return order.expiresAt <= this.#parts.clock.now();
  }
}

function identifierOf(host: UriHost): Fields {
  return { type: isIpAddress(host) ? "ip" : "dns", value: host };
}

function challengeObject({ type, token, state }: Challenge, { order, index }: Place): Fields {
  return {
    type,
    url: urlOf({ kind: "challenge", order, index, type }),
    token,
    status: state.status,
    validated: state.status === "valid" ? formatTime(state.validatedAt) : undefined,
    error: state.status === "invalid" ? state.problem : undefined,
  };
}

/** Wishes that are not fulfilled must not be passed over in silence (§7.4). */
function refuseWishes({ notBefore, notAfter, profile }: Fields): void {
  if (notBefore !== undefined || notAfter !== undefined) {
    throw new Refusal("malformed", "The dates of a certificate cannot be chosen here");
  }
  if (profile !== undefined) throw new Refusal("invalidProfile", "There are no profiles here");
}

function readReplaces({ replaces }: Fields): string | undefined {
  if (replaces === undefined || typeof replaces === "string") return replaces;
  throw new Refusal("malformed", `"replaces" is not a string`);
}

function notFound(): Refusal {
  return new Refusal("malformed", "No such resource", { status: 404 });
}
