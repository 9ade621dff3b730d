import { PasswordCheck } from "../auth/password-check.ts";
import { unreachable } from "../base/errors.ts";
import type { Auth } from "../config/auth.ts";
import type { Backends } from "./backends.ts";
import { basicAuth } from "./basic-auth.ts";
import { ForwardAuthDesk, forwardAuth } from "./forward-auth.ts";
import { isRoute } from "./path-route.ts";
import type { Policy } from "./policy.ts";
import type { Place } from "./surroundings.ts";

const NONE: readonly Policy[] = [];

/** Who may in, for each path of the configuration, and what such policies share. Made once for each: the relay keeps them. */
export class Policies {
  readonly #passwords: PasswordCheck;
  readonly #desk: ForwardAuthDesk;

  /** @param now Milliseconds since the epoch. */
  constructor(backends: Backends, now: () => number) {
    this.#passwords = new PasswordCheck(now);
    this.#desk = new ForwardAuthDesk(backends);
  }

  /** In the order in which they are asked. */
  of(place: Place): readonly Policy[] {
    const vouched = isRoute(place) ? place.vouched : undefined;
    const auth = "auth" in place ? place.auth : undefined;
    if (auth === undefined && vouched === undefined) return NONE;
    return [this.#make(auth, vouched)];
  }

  #make(auth: Auth | undefined, vouched: readonly string[] = []): Policy {
    switch (auth?.kind) {
      case undefined:
        return () => ({ kind: "pass", edits: { removed: vouched, lines: "" } });
      case "basic":
        return basicAuth(auth, vouched, this.#passwords);
      case "forward":
        return forwardAuth(auth, vouched, this.#desk);
      default:
        return unreachable(auth);
    }
  }
}
