import { createHmac } from "node:crypto";
import type { Host } from "../config/config.ts";
import type { BackendPlace, BackendsNews } from "../process/messages.ts";
import type { Balancer } from "./balance.ts";
import type { Member } from "./group.ts";
import { placeKey, placesOf } from "./places.ts";

/** 96 bits: nobody guesses another backend's, and none says which backend it is. */
const COOKIE_CHARACTERS = 16;

/** A backend of a route, and whether it is looked at there. */
interface Known {
  readonly member: Member;
  readonly isChecked: boolean;
}

/** What the manager tells about backends, given to the balancer of this worker. */
export class BackendsReader {
  readonly #balancer: Balancer;
  readonly #hosts: readonly Host[];
  /** By {@link placeKey}; made when there are news. */
  #members: ReadonlyMap<string, readonly Known[]> | undefined;
  #secret = "";

  constructor(balancer: Balancer, hosts: readonly Host[]) {
    this.#balancer = balancer;
    this.#hosts = hosts;
  }

  /**
   * Believes it from the next request on. Backends that this configuration has not are passed over, and so is what is
   * said of one that it does not look at: a manager of the configuration before may say so as it leaves, and
   * nobody would take it back.
   */
  hear({ cookieSecret, drained, checked }: BackendsNews): void {
    this.#members ??= this.#findMembers();
    if (cookieSecret !== this.#secret) this.#makeCookies(this.#members, cookieSecret);
    const out = new Set(drained.map(placeKey));
    for (const [key, members] of this.#members)
      for (const { member } of members) this.#balancer.setDrained(member, out.has(key));
    for (const each of checked) {
      const members = this.#members.get(placeKey(each satisfies BackendPlace)) ?? [];
      for (const { member, isChecked } of members)
        if (isChecked) this.#balancer.setHealthy(member, each.isHealthy);
    }
  }

  #findMembers(): ReadonlyMap<string, readonly Known[]> {
    const found = new Map<string, Known[]>();
    for (const { place, route, index } of placesOf(this.#hosts)) {
      const member = this.#balancer.groupOf(route).members[index];
      if (member === undefined) continue;
      const known = { member, isChecked: route.health !== undefined };
      const same = found.get(placeKey(place));
      if (same === undefined) found.set(placeKey(place), [known]);
      else same.push(known);
    }
    return found;
  }

  #makeCookies(members: ReadonlyMap<string, readonly Known[]>, secret: string): void {
    this.#secret = secret;
    const key = Buffer.from(secret, "base64");
    for (const [place, same] of members) {
      const hash = createHmac("sha256", key).update(place).digest("base64url");
      for (const { member } of same) member.cookie = hash.slice(0, COOKIE_CHARACTERS);
    }
  }
}
