import { performance } from "node:perf_hooks";
import { parseJson } from "../acme/json.ts";
import { problemIn } from "../acme/problem.ts";
import { type AcmeDirectory, readDirectory } from "../acme/resource.ts";
import { createHttpsTransport } from "../acme/transport.ts";
import type { Clock } from "../base/clock.ts";
import { codeOf, messageOf } from "../base/errors.ts";
import { programVersion } from "../base/version.ts";
import type { Issuer } from "../config/config.ts";
import { limits } from "../config/limits.ts";

/** What one GET of a CA's directory told. */
export type CaSight =
  | {
      readonly kind: "reached";
      readonly directory: AcmeDirectory;
      readonly tookMs: number;
      /** By how much this machine's clock is ahead of the CA's, in milliseconds; `undefined`: it does not say. */
      readonly clockAheadMs: number | undefined;
    }
  | {
      readonly kind: "failed";
      /** `ACME_UNREACHABLE`, `ACME_PROTOCOL`, or the type of a problem. */
      readonly type: string;
      readonly detail: string;
    };

/** Asks the CA for its directory, once, and for nothing else. Rejects with the signal's reason. */
export async function lookAtCa(
  { directory, trust }: Extract<Issuer, { kind: "acme" }>,
  clock: Clock,
  signal: AbortSignal,
): Promise<CaSight> {
  const transport = createHttpsTransport({
    trust,
    userAgent: `latchkey-doctor/${programVersion()}`,
    connectTimeoutMs: limits.doctorLookTimeoutMs,
    headersTimeoutMs: limits.doctorLookTimeoutMs,
    totalTimeoutMs: limits.doctorLookTimeoutMs,
    answerMaxBytes: limits.acmeAnswerMaxBytes,
  });
  const startedAt = performance.now();
  try {
    const request = { method: "GET", url: directory, headers: {}, body: undefined } as const;
    const answer = await transport.request(request, signal);
    const now = clock.now();
    if (answer.status !== 200) throw problemIn("read the directory", answer, now);
    return {
      kind: "reached",
      directory: readDirectory(parseJson(answer.body)),
      tookMs: performance.now() - startedAt,
      clockAheadMs: aheadOf(answer.headers["date"], now),
    };
  } catch (error) {
    signal.throwIfAborted();
    return { kind: "failed", type: codeOf(error) ?? "unknown", detail: messageOf(error) };
  } finally {
    transport.close();
  }
}

function aheadOf(date: string | undefined, now: number): number | undefined {
  const at = Date.parse(date ?? "");
  return Number.isNaN(at) ? undefined : now - at;
}
