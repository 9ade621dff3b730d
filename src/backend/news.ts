import { createHmac } from "node:crypto";
import type { Host } from "../config/config.ts";
import type { BackendPlace, BackendsNews } from "../process/messages.ts";
import type { Balancer } from "./balance.ts";
import type { Member } from "./group.ts";
import { placeKey, placesOf } from "./places.ts";

/** 96 bits: nobody guesses another backend's, and none says which backend it is. */
const COOKIE_CHARACTERS = 16;

/** What the manager tells about backends, given to the balancer of this worker. */
export class BackendsReader {
  readonly #balancer: Balancer;
  readonly #hosts: readonly Host[];
  /** By {@link placeKey}; made when there are news. */
  #members: ReadonlyMap<string, readonly Member[]> | undefined;
  #secret = "";

  constructor(balancer: Balancer, hosts: readonly Host[]) {
    this.#balancer = balancer;
    this.#hosts = hosts;
  }

  /** Believes it from the next request on. Backends that this configuration has not are passed over. */
  hear({ cookieSecret, drained, checked }: BackendsNews): void {
    this.#members ??= this.#findMembers();
    if (cookieSecret !== this.#secret) this.#makeCookies(this.#members, cookieSecret);
    const out = new Set(drained.map(placeKey));
    for (const [key, members] of this.#members)
      for (const member of members) this.#balancer.setDrained(member, out.has(key));
    for (const each of checked) {
      const members = this.#members.get(placeKey(each satisfies BackendPlace)) ?? [];
      for (const member of members) this.#balancer.setHealthy(member, each.isHealthy);
    }
  }

  #findMembers(): ReadonlyMap<string, readonly Member[]> {
    const found = new Map<string, Member[]>();
    for (const { place, route, index } of placesOf(this.#hosts)) {
      const member = this.#balancer.groupOf(route).members[index];
      if (member === undefined) continue;
      const same = found.get(placeKey(place));
      if (same === undefined) found.set(placeKey(place), [member]);
      else same.push(member);
    }
    return found;
  }

  #makeCookies(members: ReadonlyMap<string, readonly Member[]>, secret: string): void {
    this.#secret = secret;
    const key = Buffer.from(secret, "base64");
    for (const [place, same] of members) {
      const hash = createHmac("sha256", key).update(place).digest("base64url");
      for (const member of same) member.cookie = hash.slice(0, COOKIE_CHARACTERS);
    }
  }
}
