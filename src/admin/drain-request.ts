import type { IncomingMessage, ServerResponse } from "node:http";
import { partsOf } from "./host-request.ts";
import { sendJson } from "./send-json.ts";

/** `POST /hosts/NAME/drain?backend=…`: no new requests for it; `…/undrain?backend=…`: as before. */
export interface DrainRequest {
  readonly host: string;
  /** As `status` names it, or as the configuration does. */
  readonly backend: string;
  readonly isDrained: boolean;
}

/** How it went; `unknown`: no such host, or no such backend. */
export interface DrainOutcome {
  readonly kind: "done" | "unknown";
  readonly detail: string;
}

const STATUS = { done: 200, unknown: 404 } as const;

/** `undefined` for any other request. */
export function readDrainRequest(request: IncomingMessage): DrainRequest | undefined {
  const { host, word, query } = partsOf(request) ?? {};
  if (host === undefined || (word !== "drain" && word !== "undrain")) return undefined;
  const backend = new URLSearchParams(query).get("backend") ?? "";
  return { host, backend, isDrained: word === "drain" };
}

/** Answers with the outcome: 200, or 404 for what is not known. */
export async function answerDrain(
  wanted: DrainRequest,
  drain: (wanted: DrainRequest) => Promise<DrainOutcome>,
  response: ServerResponse,
): Promise<void> {
  const outcome = await drain(wanted);
  sendJson(response, STATUS[outcome.kind], outcome);
}
