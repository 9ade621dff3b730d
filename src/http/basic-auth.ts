import { readBasicCredentials } from "../auth/basic-credentials.ts";
import type { PasswordCheck, PasswordOutcome } from "../auth/password-check.ts";
import { usersOf } from "../auth/users.ts";
import { clientKeyOf } from "../base/client-key.ts";
import { unreachable } from "../base/errors.ts";
import type { Auth } from "../config/auth.ts";
import { BASIC_USER_FIELD } from "../config/identity-fields.ts";
import { valuesOf } from "./field-list.ts";
import { clientOf } from "./forwarded.ts";
import type { Policy, Verdict } from "./policy.ts";
import { refusalWith } from "./refuse.ts";

/**
 * Lets in who knows a password (RFC 7617), and tells the backend their name. The password itself goes no
 * further unless the configuration says so. `vouched`: fields that nobody may send.
 */
export function basicAuth(
  auth: Extract<Auth, { kind: "basic" }>,
  vouched: readonly string[],
  passwords: PasswordCheck,
): Policy {
  const users = usersOf(auth.users);
  const challenge = `WWW-Authenticate: Basic realm="${auth.realm}", charset="UTF-8"\r\n`;
  const removed = [BASIC_USER_FIELD.toLowerCase(), ...vouched];
  if (!auth.keepsAuthorization) removed.push("authorization");

  const verdictOn = (outcome: PasswordOutcome, user: string): Verdict => {
    switch (outcome.kind) {
      case "right":
        return { kind: "pass", edits: { removed, lines: userLine(user), user } };
      case "wrong":
        return answer(401, challenge, "the password is wrong");
      case "too-often":
        return answer(429, retryAfter(outcome.waitMs), "too many wrong passwords");
      case "busy":
        return answer(503, retryAfter(0), "too many passwords to look at");
      default:
        return unreachable(outcome);
    }
  };

  return ({ request, sender }) => {
    const [value, second] = valuesOf(request.head.fields, "authorization");
    if (second !== undefined) return answer(400, "", "there is more than one Authorization");
    if (value === undefined) return answer(401, challenge, "no password was given");
    const credentials = readBasicCredentials(value);
    if (credentials === undefined) return answer(401, challenge, "Authorization is no password");
    const client = clientKeyOf(clientOf(request.head.fields, sender));
    const outcome = passwords.check(users, credentials, client);
    if (!(outcome instanceof Promise)) return verdictOn(outcome, credentials.user);
    return {
      kind: "wait",
      decide: async () => verdictOn(await outcome, credentials.user),
    };
  };
}

/** Names are UTF-8 in the field, as they are in the configuration. */
function userLine(user: string): string {
  return `${BASIC_USER_FIELD}: ${Buffer.from(user, "utf8").toString("latin1")}\r\n`;
}

function retryAfter(waitMs: number): string {
  return `Retry-After: ${Math.max(1, Math.ceil(waitMs / 1_000))}\r\n`;
}

function answer(status: number, lines: string, why: string): Verdict {
  return { kind: "answer", answer: refusalWith(status, lines), why };
}
