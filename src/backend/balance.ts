import { unreachable } from "../base/errors.ts";
import type { Backend, PathRoute } from "../config/destination.ts";
import { limits } from "../config/limits.ts";
import { chooseForClient, clientHash } from "./balance-client-hash.ts";
import { chooseLeastBusy } from "./balance-least-connections.ts";
import { chooseOfTwo, type Random } from "./balance-random-two.ts";
import { chooseInRotation } from "./balance-round-robin.ts";
import type { Deadlines } from "./deadlines.ts";
import { Group, type Member, type Waiter } from "./group.ts";
import { backendKey } from "./identity.ts";
import { Standing } from "./standing.ts";

/** A request that wants a backend. */
export interface Seeker extends Waiter {
  /** Those that it was tried on in vain. */
  readonly tried: readonly Member[];
  /** Whom the request is from: asked for `client-hash` only. */
  readonly clientAddress: string;
  /** What its cookie says, if it has ours: asked for `cookie` only. */
  readonly stickyCookie: string | undefined;
}

/** Why there is no backend: it was tried on all there are; all are down or drained; those that are up have all they may have. */
export type NoBackend = "tried" | "down" | "full";

/**
 * Chooses among the backends of a route, and keeps what this worker knows of them. The ways of choosing
 * are in `balance-*.ts` (pure); this one says who may be chosen: up by the manager's looks, not drained,
 * below its limit, and not passed over for failures, unless all are.
 */
export class Balancer {
  readonly #deadlines: Deadlines;
  readonly #random: Random;
  readonly #workers: number;
  readonly #groups = new WeakMap<PathRoute, Group>();
  /** By what identifies a backend. Holds backends of the configuration only. */
  readonly #standings = new Map<string, Standing>();
  /** Groups that something waits in. */
  readonly #queued = new Set<Group>();

  /** @param workers How many share the limits on connections. */
  constructor(deadlines: Deadlines, workers = 1, random: Random = Math.random) {
    this.#deadlines = deadlines;
    this.#workers = workers;
    this.#random = random;
  }

  /** The backends of a route; always the same object. */
  groupOf(route: PathRoute): Group {
    let group = this.#groups.get(route);
    if (group === undefined) {
      group = new Group(route, (backend) => this.#standingOf(backend), this.#workers);
      this.#groups.set(route, group);
    }
    return group;
  }

  /** The backend for a request, which {@link release} is owed for; or why there is none. */
  choose(group: Group, seeker: Seeker): Member | NoBackend {
    const { now } = this.#deadlines;
    const refused = this.#deal(group, seeker.tried, now);
    if (refused !== undefined) return refused;
    const member = pick(group, seeker, this.#random);
    if (member === undefined) return "tried";
    member.standing.active += 1;
    member.standing.taken(now);
    return member;
  }

  /** The request is over there: another one may have its place. */
  release(member: Member): void {
    member.standing.active -= 1;
    if (this.#queued.size === 0) return;
    for (const group of this.#queued) {
      if (!group.members.some(({ standing }) => standing === member.standing)) continue;
      const next = group.waiting.shift();
      if (group.waiting.length === 0) this.#queued.delete(group);
      next?.backendFree();
      if (next !== undefined) return;
    }
  }

  /** Lets it wait for a backend, behind those that came before. `false`: too many do. */
  wait(group: Group, waiter: Waiter, isFirst: boolean): boolean {
    if (group.waiting.length >= limits.backendQueueMax) return false;
    if (isFirst) group.waiting.unshift(waiter);
    else group.waiting.push(waiter);
    this.#queued.add(group);
    return true;
  }

  /** It waits no more. */
  giveUp(group: Group, waiter: Waiter): void {
    const index = group.waiting.indexOf(waiter);
    if (index !== -1) group.waiting.splice(index, 1);
    if (group.waiting.length === 0) this.#queued.delete(group);
  }

  /** A connection to it could not be made. Returns whether that is news. */
  markDown(member: Member): boolean {
    return member.standing.unreachable(this.#deadlines.now);
  }

  /** It took a connection. Returns whether that is news. */
  markUp(member: Member): boolean {
    if (!member.standing.reachable()) return false;
    member.backSince = this.#deadlines.now;
    return true;
  }

  /** How an answer was. Returns for how many milliseconds the backend is put out by it, if it is. */
  judge(group: Group, member: Member, isGood: boolean): number | undefined {
    const { ejectAfter } = group.balance;
    if (ejectAfter === undefined) return undefined;
    const { now } = this.#deadlines;
    if (isGood) member.succeeded(now);
    else if (member.failed(ejectAfter) && !member.isEjected(now) && group.mayEject(now))
      return member.eject(now);
    return undefined;
  }

  /** What the manager's looks say of it. */
  setHealthy(member: Member, isHealthy: boolean): void {
    if (isHealthy && !member.isHealthy) {
      member.standing.reachable();
      member.back(this.#deadlines.now);
    }
    member.isHealthy = isHealthy;
  }

  /** What an operator wants. */
  setDrained(member: Member, isDrained: boolean): void {
    if (!isDrained && member.isDrained) member.back(this.#deadlines.now);
    member.isDrained = isDrained;
  }

  /** Says of each what it may get of this request; a reason when none may get it. */
  #deal(group: Group, tried: readonly Member[], now: number): NoBackend | undefined {
    const { slowStartMs } = group.balance;
    let [up, isOpen, isFull, isOut] = [false, false, false, false];
    for (const member of group.members) {
      member.share = 0;
      up ||= member.isUp;
      if (!member.isUp || tried.includes(member)) continue;
      if (member.active >= group.activeMax) isFull = true;
      else if (member.standing.isOut(now) || member.isEjected(now)) isOut = true;
      else {
        isOpen = true;
        member.share = member.shareAt(now, slowStartMs);
      }
    }
    if (isOpen) return undefined;
    if (isFull) return "full";
    if (!isOut) return up ? "tried" : "down";
    tryAll(group.members, tried);
    return undefined;
  }

  #standingOf(backend: Backend): Standing {
    const key = backendKey(backend);
    let standing = this.#standings.get(key);
    if (standing === undefined) {
      standing = new Standing();
      this.#standings.set(key, standing);
    }
    return standing;
  }
}

/** Every one left is thought to be out: better a try than an error. */
function tryAll(members: readonly Member[], tried: readonly Member[]): void {
  for (const member of members)
    if (member.isUp && !tried.includes(member)) member.share = member.weight;
}

function pick(group: Group, seeker: Seeker, random: Random): Member | undefined {
  const { members } = group;
  const { method } = group.balance;
  switch (method) {
    case "round-robin":
      return chooseInRotation(members);
    case "least-connections":
      return chooseLeastBusy(members);
    case "random-two":
      return chooseOfTwo(members, random);
    case "client-hash":
      return chooseForClient(members, clientHash(seeker.clientAddress));
    case "cookie":
      return chooseSticky(members, seeker.stickyCookie) ?? chooseInRotation(members);
    default:
      return unreachable(method);
  }
}

/** The one that a client was sent to before, while it may be chosen. */
function chooseSticky(members: readonly Member[], cookie: string | undefined): Member | undefined {
  if (cookie === undefined) return undefined;
  for (const member of members) if (member.share > 0 && member.cookie === cookie) return member;
  return undefined;
}
