import type { IncomingMessage, ServerResponse } from "node:http";
import type { RolloverOutcome } from "../base/rollover-outcome.ts";
import { sendJson } from "./send-json.ts";

/** `POST /accounts/rollover`: new keys for the accounts with all CAs, or with one: `?directory=URL`. */
export interface RolloverRequest {
  readonly directory: string | undefined;
}

/** `undefined` for any other request. */
export function readRolloverRequest({
  method,
  url = "",
}: IncomingMessage): RolloverRequest | undefined {
  const [path, query = ""] = url.split("?", 2);
  if (method !== "POST" || path !== "/accounts/rollover") return undefined;
  return { directory: new URLSearchParams(query).get("directory") ?? undefined };
}

/**
 * Answers `{ "accounts": [{ directory, outcome, detail }] }` when it is done: 200 when a key was changed or
 * there was none to change, 404 for a CA that is no issuer of ours, 409 when none could be changed, 502 when one
 * failed.
 */
export async function answerRollover(
  asked: RolloverRequest,
  roll: (asked: RolloverRequest) => Promise<readonly RolloverOutcome[]>,
  response: ServerResponse,
): Promise<void> {
  const accounts = await roll(asked);
  sendJson(response, statusOf(asked, accounts), { accounts });
}

function statusOf(
  { directory }: RolloverRequest,
  accounts: readonly RolloverOutcome[],
): 200 | 404 | 409 | 502 {
  const has = (outcome: RolloverOutcome["outcome"]) =>
    accounts.some((account) => account.outcome === outcome);
  if (directory !== undefined && accounts.length === 0) return 404;
  if (has("failed")) return 502;
  return has("refused") && !has("done") ? 409 : 200;
}
