import { request as httpsRequest } from "node:https";
import { type Clock, Deadline } from "../base/clock.ts";
import { connectionFailure } from "../base/connection-failure.ts";
import type { Hostname } from "../base/hostname.ts";
import { failureFacts, type Log } from "../base/log.ts";
import { request as httpRequest } from "../base/node-http.ts";
import { Seldom } from "../base/seldom.ts";
import { Semaphore } from "../base/semaphore.ts";
import { SingleFlight } from "../base/single-flight.ts";
import { TokenBucket } from "../base/token-bucket.ts";
import { limits } from "../config/limits.ts";
import { AnswerMemory, type Said } from "./answer-memory.ts";
import { AskWatch } from "./ask-watch.ts";

/** The operator's service, asked about names. */
export interface Ask {
  /**
   * What it says, or said less than a minute ago. `isNew`: a name that strangers may have made up, of
   * which only so many are asked about in a second.
   */
  about(url: string, host: Hostname, isNew: boolean): Promise<Said>;
  /** Puts the question whatever is remembered, and remembers nothing. */
  afresh(url: string, host: Hostname): Promise<Said>;
}

/**
 * `onDemand.ask`: `GET URL?domain=NAME`, 200 allows, another status refuses, and so does a redirect,
 * which is never followed. Silence for 2 s, or what is no HTTP, is no answer (`undefined`). The URL is
 * the operator's; a stranger chooses only the encoded name. Answers are remembered for a minute, yes
 * and no apart, so that made-up names push out no customer; that there was none, for some seconds.
 *
 * @param watch Hears of every question that was really put.
 */
export function createAsk(
  clock: Clock,
  log: Log,
  signal: AbortSignal,
  watch: AskWatch = new AskWatch(clock),
): Ask {
  const memory = new AnswerMemory();
  const flights = new SingleFlight<string, Said>();
  const slots = new Semaphore(limits.askInFlightMax);
  const rate = new TokenBucket(limits.askRate, clock.now());
  const quiet = {
    silent: new Seldom(limits.onDemandQuietMs),
    busy: new Seldom(limits.onDemandQuietMs),
  };
  const put = async (base: string, host: Hostname): Promise<Said> => {
    const said = await answerOf(questionOf(base, host), host);
    if (!signal.aborted) watch.note(base, said !== undefined);
    return said;
  };
  const answerOf = async (url: URL, host: Hostname): Promise<Said> => {
    using deadline = new Deadline(signal, limits.askTimeoutMs);
    try {
      return (await slots.run(() => statusOf(url, deadline.signal), deadline.signal)) === 200;
    } catch (cause) {
      const late = `Cannot learn who is allowed: no answer within ${limits.askTimeoutMs} ms`;
      const error = deadline.signal.aborted ? new Error(late, { cause }) : cause;
      // Strangers choose how many names are asked about.
      if (quiet.silent.passes(clock.now()))
        log.warn("on-demand.ask-failed", {
          host,
          ...failureFacts(error),
          message: connectionFailure(error).words,
        });
      return undefined;
    }
  };
  return {
    about: async (base, host, isNew) => {
      const url = questionOf(base, host);
      const known = memory.get(url.href, clock.now());
      if (known !== undefined) return known.said;
      return await flights.run(url.href, async () => {
        if (isNew && !rate.take(clock.now())) {
          if (quiet.busy.passes(clock.now()))
            log.warn("on-demand.budget-spent", { budget: "ask", host });
          return undefined;
        }
        const said = await put(base, host);
        memory.set(url.href, said, clock.now());
        return said;
      });
    },
    afresh: (base, host) => put(base, host),
  };
}

function questionOf(base: string, host: Hostname): URL {
  const url = new URL(base);
  url.searchParams.set("domain", host);
  return url;
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
