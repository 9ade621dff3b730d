import { PasswordCheck } from "../auth/password-check.ts";
import { unreachable } from "../base/errors.ts";
import type { PathRoute } from "../config/config.ts";
import type { Admitted } from "./admit.ts";
import { basicAuth } from "./basic-auth.ts";
import type { Backends } from "./exchange.ts";
import { ForwardAuthDesk, forwardAuth } from "./forward-auth.ts";
import type { Policy } from "./policy.ts";

const NONE: readonly Policy[] = [];

/** The policies of each path of the configuration, made at its first request, and what they share. */
export class Policies {
  readonly #passwords: PasswordCheck;
  readonly #desk: ForwardAuthDesk;
  readonly #made = new WeakMap<PathRoute, readonly Policy[]>();

  /** @param now Milliseconds since the epoch. */
  constructor(backends: Backends, now: () => number) {
    this.#passwords = new PasswordCheck(now);
    this.#desk = new ForwardAuthDesk(backends);
  }

  /** In the order in which they are asked. */
  of(path: PathRoute): readonly Policy[] {
    if (path.auth === undefined && path.vouched === undefined) return NONE;
    let policies = this.#made.get(path);
    if (policies === undefined) {
      policies = [this.#make(path)];
      this.#made.set(path, policies);
    }
    return policies;
  }

  #make({ auth, vouched = [] }: PathRoute): Policy {
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

/** The request as far as its body is concerned: what a service vouches for must not come as a trailer either. */
export function withoutForgery(request: Admitted, { vouched }: PathRoute): Admitted {
  return vouched === undefined ? request : { ...request, takesTrailers: false };
}
