import { parseRetryAfter } from "../acme/retry-after.ts";
import type { AcmeAnswer, AcmeRequest, AcmeTransport } from "../acme/transport.ts";
import type { Clock } from "../base/clock.ts";
import type { Budgets } from "./budgets.ts";
import { waiting } from "./wait.ts";

/** Statuses by which a CA asks for peace: too many requests, and not now (RFC 6585 §4, RFC 9110 §15.6.4). */
const TOO_MANY = 429;
const UNAVAILABLE = 503;

/** What the way to a CA needs from its surroundings. */
export interface PausingSteps {
  readonly budgets: Pick<Budgets, "close" | "pause">;
  readonly clock: Clock;
  /** A directory came by: the names that a CAA record must hold for this CA (RFC 8555 §9.7.6). */
  noticed(caaIdentities: readonly string[]): void;
}

/** Where a CA's requests go, by its directory. */
interface Places {
  /** The ways in: without these nobody gets anywhere. */
  readonly entrances: readonly string[];
  readonly renewalInfo: string | undefined;
}

/**
 * The way to a CA, closed for as long as it asks to be left in peace. A 503 with Retry-After closes it to
 * everybody, and so does a 429 at its directory, for a nonce or for a new account; a 429 for a renewal
 * window closes those. Limits of orders are not seen here but where an order is placed: they know names.
 *
 * Requests meanwhile reject with `ACME_PAUSED`, and nothing is sent.
 */
export function pausing(
  transport: AcmeTransport,
  directory: string,
  { budgets, clock, noticed }: PausingSteps,
): AcmeTransport {
  let places: Places = { entrances: [directory], renewalInfo: undefined };
  return {
    request: async (request, signal) => {
      const isWindow =
        places.renewalInfo !== undefined && request.url.startsWith(places.renewalInfo);
      const pause =
        budgets.pause(directory, "everything") ??
        (isWindow ? budgets.pause(directory, "windows") : undefined);
      if (pause !== undefined) throw waiting(`ask ${new URL(directory).host}`, pause);
      const answer = await transport.request(request, signal);
      if (request.url === directory && answer.status === 200) {
        places = placesIn(directory, answer.body);
        noticed(caaIdentitiesIn(answer.body));
      }
      const kind = closedBy(answer, request, places, isWindow);
      if (kind !== undefined) {
        const retryAfterMs = parseRetryAfter(answer.headers["retry-after"], clock.now());
        budgets.close({ directory, kind, subject: "" }, retryAfterMs, `status ${answer.status}`);
      }
      return answer;
    },
  };
}

function closedBy(
  { status, headers }: AcmeAnswer,
  { url }: AcmeRequest,
  { entrances }: Places,
  isWindow: boolean,
): "everything" | "windows" | undefined {
  if (status === UNAVAILABLE)
    return headers["retry-after"] === undefined ? undefined : "everything";
  if (status !== TOO_MANY) return undefined;
  if (isWindow) return "windows";
  return entrances.includes(url) ? "everything" : undefined;
}

/** Read as it passes; what makes no sense is for the client to say. */
function placesIn(directory: string, body: string): Places {
  const { newNonce, newAccount, renewalInfo } = membersOf(body);
  const entrances = [directory, newNonce, newAccount].filter((url) => typeof url === "string");
  return { entrances, renewalInfo: typeof renewalInfo === "string" ? renewalInfo : undefined };
}

function caaIdentitiesIn(body: string): string[] {
  const { caaIdentities } = Object(membersOf(body)["meta"]);
  if (!Array.isArray(caaIdentities)) return [];
  return caaIdentities.filter((name) => typeof name === "string").map((name) => name.toLowerCase());
}

function membersOf(body: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(body));
  } catch {
    return {};
  }
}
