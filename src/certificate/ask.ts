import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { type Clock, withDeadline } from "../base/clock.ts";
import type { Hostname } from "../base/hostname.ts";
import { failureFacts, type Log } from "../base/log.ts";
import { Semaphore } from "../base/semaphore.ts";
import { SingleFlight } from "../base/single-flight.ts";
import { limits } from "../config/limits.ts";

interface Answer {
  readonly isAllowed: boolean;
  readonly until: number;
}

/**
 * `onDemand.ask`: `GET URL?domain=NAME`, 200 allows, another status refuses, and so does a redirect,
 * which is never followed. Silence for 2 s, or what is no HTTP, is no answer (`undefined`). The URL is
 * the operator's; a stranger chooses only the encoded name. Answers are remembered for a minute, in a
 * bounded table; that there was none is not.
 */
export function createAsk(
  clock: Clock,
  log: Log,
  signal: AbortSignal,
): (url: string, host: Hostname) => Promise<boolean | undefined> {
  const remembered = new Map<string, Answer>();
  const flights = new SingleFlight<string, boolean | undefined>();
  const slots = new Semaphore(limits.askInFlightMax);
  const remember = (key: string, isAllowed: boolean) => {
    remembered.delete(key);
    remembered.set(key, { isAllowed, until: clock.now() + limits.askCacheMs });
    const oldest = remembered.keys().next();
    if (remembered.size > limits.askCacheMax && !oldest.done) remembered.delete(oldest.value);
  };
  let quietUntil = Number.NEGATIVE_INFINITY;
  const tell = (host: Hostname, error: unknown) => {
    if (clock.now() < quietUntil) return; // strangers choose how many names are asked about
    quietUntil = clock.now() + limits.askCacheMs;
    log.warn("on-demand.ask-failed", { host, ...failureFacts(error) });
  };
  return (base, host) => {
    const url = new URL(base);
    url.searchParams.set("domain", host);
    const known = remembered.get(url.href);
    if (known !== undefined && known.until > clock.now()) return Promise.resolve(known.isAllowed);
    return flights.run(url.href, async () => {
      const deadline = withDeadline(signal, limits.askTimeoutMs);
      try {
        const isAllowed = (await slots.run(() => statusOf(url, deadline), deadline)) === 200;
        remember(url.href, isAllowed);
        return isAllowed;
      } catch (cause) {
        const late = `Cannot learn who is allowed: no answer within ${limits.askTimeoutMs} ms`;
        tell(host, deadline.aborted ? new Error(late, { cause }) : cause);
        return undefined;
      }
    });
  };
}

/** The status of a GET; the body is not read. */
function statusOf(url: URL, signal: AbortSignal): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const request = (url.protocol === "https:" ? httpsRequest : httpRequest)(url, {
    signal,
    agent: false,
  });
  request.on("response", (response) => {
    resolve(response.statusCode ?? 0);
    response.on("error", () => {
      // Its body is cut off on purpose.
    });
    response.destroy();
  });
  request.on("error", reject);
  // Whatever else it makes of it (101 is no response to Node), the question ends with its connection.
  request.on("close", () => reject(new Error("Cannot read the answer: there was none")));
  request.end();
  return promise;
}
