import { addressesIn } from "../base/address-range.ts";
import { clientKeyOf } from "../base/client-key.ts";
import { parseSocketAddress } from "../base/ip-address.ts";
import { limits } from "../config/limits.ts";
import type { Maintenance, RateLimit, Rules } from "../config/rules.ts";
import type { Spent } from "../process/messages.ts";
import { linesOf, pageAnswer } from "./answer-edits.ts";
import { clientOf } from "./forwarded.ts";
import type { Markers } from "./markers.ts";
import { type Petition, type Policy, refused, type Verdict } from "./policy.ts";
import { RateLimiter } from "./rate-limiter.ts";
import type { RateNews } from "./rate-news.ts";

/** What rules need of their relay. */
export interface RuleServices {
  readonly markers: Markers;
  /** Milliseconds since the epoch. */
  now(): number;
  /** A number that strangers do not know. */
  readonly salt: number;
  /** How many workers share the rates. */
  readonly workers: number;
  /** How they tell each other what clients have spent. */
  readonly rates: RateNews;
  /** Every rate limit of the configuration; asked for once, when it is needed. */
  rateLimits(): Iterable<RateLimit>;
}

const PASS: Verdict = { kind: "pass" };

/** The rules of a configuration as policies; those that share a rate limit share its count. */
export class RuleBook {
  readonly #services: RuleServices;
  readonly #limiters = new Map<string, RateLimiter>();
  #limits: ReadonlyMap<string, RateLimit> | undefined;

  constructor(services: RuleServices) {
    this.#services = services;
  }

  /** What is asked of a request under these rules, in this order: its client, maintenance, its rate; then its header is changed. */
  policiesOf(rules: Rules): readonly Policy[] {
    const { maintenance, rateLimit, request } = rules;
    const policies: Policy[] = [];
    if (rules.allow !== undefined || rules.deny !== undefined) policies.push(clientPolicy(rules));
    if (maintenance !== undefined)
      policies.push(maintenancePolicy(maintenance, this.#services.markers));
    if (rateLimit !== undefined) policies.push(this.#ratePolicy(rateLimit));
    if (request !== undefined) {
      const verdict = {
        kind: "pass",
        edits: { removed: request.removed, lines: linesOf(request.added) },
      } as const;
      policies.push(() => verdict);
    }
    return policies;
  }

  /** Other workers tell what is spent of these limits: it counts here, too, where nobody has come for their hosts yet. */
  expect(spent: readonly Spent[]): void {
    for (const { scope } of spent) {
      if (this.#limiters.has(scope)) continue;
      this.#limits ??= new Map([...this.#services.rateLimits()].map((each) => [each.scope, each]));
      const limit = this.#limits.get(scope);
      if (limit !== undefined) this.#newLimiter(limit);
    }
  }

  #ratePolicy(limit: RateLimit): Policy {
    const limiter = this.#limiters.get(limit.scope) ?? this.#newLimiter(limit);
    return (petition) => {
      const waitMs = limiter.take(clientKeyOf(addressOf(petition)), this.#services.now());
      if (waitMs === 0) return PASS;
      return refused(429, "the client asks too often", retryAfter(waitMs));
    };
  }

  #newLimiter(limit: RateLimit): RateLimiter {
    const { salt, workers, rates } = this.#services;
    const limiter = new RateLimiter(limit, salt, limits.rateClientsMax, workers);
    this.#limiters.set(limit.scope, limiter);
    rates.share(limit.scope, limiter);
    return limiter;
  }
}

/** `deny` beats `allow`; who cannot be told is served by neither. */
function clientPolicy({ allow, deny = [] }: Rules): Policy {
  const isAllowed = allow === undefined ? () => true : addressesIn(allow);
  const isDenied = addressesIn(deny);
  return (petition) => {
    const address = parseSocketAddress(clientOf(petition.request.head.fields, petition.sender));
    if (address !== undefined && isAllowed(address) && !isDenied(address)) return PASS;
    return refused(403, "the client's address is not let in");
  };
}

function maintenancePolicy(
  { marker, page, allow, retryAfterMs }: Maintenance,
  markers: Markers,
): Policy {
  const isAllowed = addressesIn(allow);
  const answer = pageAnswer(503, retryAfter(retryAfterMs), page);
  return (petition) => {
    if (marker !== undefined && !markers.isPresent(marker)) return PASS;
    if (isAllowed(clientOf(petition.request.head.fields, petition.sender))) return PASS;
    return { kind: "answer", answer, why: "maintenance" };
  };
}

/** The client behind trusted proxies; the last of them when what it says is no address. */
function addressOf({ request, sender }: Petition): string {
  const told = clientOf(request.head.fields, sender);
  return parseSocketAddress(told) === undefined ? sender.address : told;
}

/** RFC 9110 §10.2.3, in whole seconds, rounded up: earlier would be too early. */
function retryAfter(ms: number): string {
  return `Retry-After: ${Math.ceil(ms / 1_000)}\r\n`;
}
