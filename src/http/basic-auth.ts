import { readBasicCredentials } from "../auth/basic-credentials.ts";
import type { PasswordCheck, PasswordOutcome } from "../auth/password-check.ts";
import { usersOf } from "../auth/users.ts";
import { clientKeyOf } from "../base/client-key.ts";
import { unreachable } from "../base/errors.ts";
import type { Auth } from "../config/auth.ts";
import { BASIC_USER_FIELD } from "../config/identity-fields.ts";
import { valuesOf } from "./field-list.ts";
import { clientOf } from "./forwarded.ts";
import { type Policy, refused, type Verdict } from "./policy.ts";

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
        return refused(401, "the password is wrong", challenge);
      case "too-often":
        return refused(429, "too many wrong passwords", retryAfter(outcome.waitMs));
      case "busy":
        return refused(503, "too many passwords to look at", retryAfter(0));
      default:
        return unreachable(outcome);
    }
  };

  return ({ request, sender }) => {
    const [value, second] = valuesOf(request.head.fields, "authorization");
    if (second !== undefined) return refused(400, "there is more than one Authorization");
    if (value === undefined) return refused(401, "no password was given", challenge);
    const credentials = readBasicCredentials(value);
    if (credentials === undefined) return refused(401, "Authorization is no password", challenge);
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
