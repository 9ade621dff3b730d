import { unreachable } from "../base/errors.ts";
import type { Backend, PathRoute } from "../config/destination.ts";
import { limits } from "../config/limits.ts";
import { chooseForClient, clientHash } from "./balance-client-hash.ts";
import { chooseLeastBusy } from "./balance-least-connections.ts";
import { chooseOfTwo, type Random } from "./balance-random-two.ts";
import { chooseInRotation } from "./balance-round-robin.ts";
import type { Deadlines, Timed } from "./deadlines.ts";
import { Group, type Member, type Seeker, type WorkerPlace } from "./group.ts";
import { backendKey } from "./identity.ts";
import { Standing } from "./standing.ts";

/** Why there is no backend: it was tried on all there are; all are down or drained; those that are up have all they may have. */
export type NoBackend = "tried" | "down" | "full";

const ALONE: WorkerPlace = { index: 0, of: 1 };

/**
 * Chooses among the backends of a route, and keeps what this worker knows of them. The ways of choosing
 * are in `balance-*.ts` (pure); this one says who may be chosen: up by the manager's looks, not drained,
 * below its limit, and not passed over for failures, unless all are.
 *
 * What finds those full that are left waits in a row. Nobody in it could go at this moment: whatever may
 * change that is followed by a look at the row, so that who comes anew takes nobody's turn.
 */
export class Balancer implements Timed {
  readonly #deadlines: Deadlines;
  readonly #random: Random;
  readonly #place: WorkerPlace;
  readonly #groups = new WeakMap<PathRoute, Group>();
  /** By what identifies a backend. Holds backends of the configuration only. */
  readonly #standings = new Map<string, Standing>();
  /** Groups that something waits in. */
  readonly #queued = new Set<Group>();
  /** The one whose row is being looked at. */
  readonly #served = new Set<Group>();

  constructor(deadlines: Deadlines, place: WorkerPlace = ALONE, random: Random = Math.random) {
    this.#deadlines = deadlines;
    this.#place = place;
    this.#random = random;
  }

  /** The backends of a route; always the same object. */
  groupOf(route: PathRoute): Group {
    let group = this.#groups.get(route);
    if (group === undefined) {
      group = new Group(route, (backend) => this.#standingOf(backend), this.#place);
      this.#groups.set(route, group);
    }
    return group;
  }

  /** The backend for a request, which {@link release} is owed for; or why there is none. */
  choose(group: Group, seeker: Seeker): Member | NoBackend {
    const { now } = this.#deadlines;
    const refused = this.#deal(group, seeker, now);
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
      // One that was not full could have been had before: looking at the row would find nobody.
      const isFreed = member.standing.active === group.activeMax - 1;
      if (isFreed && group.members.some(({ standing }) => standing === member.standing))
        this.#serve(group);
    }
  }

  /**
   * Lets it wait for a backend, behind those that came before (`hasWaited`: before them), until it is
   * called back or gives up. `false`: too many do.
   */
  wait(group: Group, seeker: Seeker, hasWaited: boolean): boolean {
    if (group.waiting.length >= limits.backendQueueMax) return false;
    if (hasWaited) group.waiting.unshift(seeker);
    else group.waiting.push(seeker);
    if (this.#queued.size === 0) this.#deadlines.watch(this);
    this.#queued.add(group);
    return true;
  }

  /** It waits no more. */
  giveUp(group: Group, seeker: Seeker): void {
    const index = group.waiting.indexOf(seeker);
    if (index === -1) return;
    group.waiting.splice(index, 1);
    if (group.waiting.length > 0) return;
    this.#queued.delete(group);
    if (this.#queued.size === 0) this.#deadlines.forget(this);
  }

  /** Time alone brings back what is passed over. */
  tick(): void {
    this.#serveAll();
  }

  /** A connection to it could not be made. Returns whether that is news. */
  markDown(member: Member): boolean {
    const isNews = member.standing.unreachable(this.#deadlines.now);
    this.#serveAll();
    return isNews;
  }

  /** It took a connection. Returns whether that is news. */
  markUp(member: Member): boolean {
    if (!member.standing.reachable(this.#deadlines.now)) return false;
    this.#serveAll();
    return true;
  }

  /** How an answer was. Returns for how many milliseconds the backend is put out by it, if it is. */
  judge(group: Group, member: Member, isGood: boolean): number | undefined {
    const { ejectAfter } = group.balance;
    if (ejectAfter === undefined) return undefined;
    const { now } = this.#deadlines;
    if (isGood) member.succeeded(now);
    else if (member.failed(ejectAfter) && !member.isEjected(now) && group.mayEject(now)) {
      const outMs = member.eject(now);
      this.#serveAll();
      return outMs;
    }
    return undefined;
  }

  /** What the manager's looks say of it. */
  setHealthy(member: Member, isHealthy: boolean): void {
    if (isHealthy === member.isHealthy) return;
    member.isHealthy = isHealthy;
    if (isHealthy) {
      member.standing.reachable(this.#deadlines.now);
      member.back(this.#deadlines.now);
    }
    this.#serveAll();
  }

  /** What an operator wants. */
  setDrained(member: Member, isDrained: boolean): void {
    if (isDrained === member.isDrained) return;
    member.isDrained = isDrained;
    if (!isDrained) member.back(this.#deadlines.now);
    this.#serveAll();
  }

  #serveAll(): void {
    for (const group of this.#queued) this.#serve(group);
  }

  /** Calls those back that need not wait any more, in their order. */
  #serve(group: Group): void {
    if (this.#served.has(group)) return; // by whoever called us: it looks again after each
    this.#served.add(group);
    try {
      for (let next = this.#nextOf(group); next !== undefined; next = this.#nextOf(group)) {
        this.giveUp(group, next);
        next.backendFree();
      }
    } finally {
      this.#served.delete(group);
    }
  }

  #nextOf(group: Group): Seeker | undefined {
    const { now } = this.#deadlines;
    const { members } = group;
    const isStuck =
      members.some((each) => each.isUp && group.isFull(each)) &&
      !members.some((each) => group.isOpen(each, now));
    // Asking each of a long row, whenever a request has ended, would cost more than the requests.
    if (isStuck) return undefined;
    return group.waiting.find((seeker) => this.#deal(group, seeker, now) !== "full");
  }

  /** Says of each what it may get of this request; a reason when none may get it. */
  #deal(group: Group, seeker: Seeker, now: number): NoBackend | undefined {
    if (group.waitsAtHome(seeker, now)) return "full";
    const { tried } = seeker;
    const { slowStartMs } = group.balance;
    let [up, isOpen, isFull, isOut] = [false, false, false, false];
    for (const member of group.members) {
      member.share = 0;
      up ||= member.isUp;
      if (!member.isUp || tried.includes(member)) continue;
      if (group.isOpen(member, now)) {
        isOpen = true;
        member.share = member.shareAt(now, slowStartMs);
      } else if (group.isFull(member)) isFull = true;
      else isOut = true;
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
      return chooseSticky(members, seeker);
    default:
      return unreachable(method);
  }
}

/** The one that the client is held to; while that is out, the same stand-in each time. */
function chooseSticky(members: readonly Member[], { home, clientAddress }: Seeker) {
  if (home === undefined) return chooseInRotation(members);
  if (home.share > 0) return home;
  if (!home.keepsClients) return chooseInRotation(members);
  return chooseForClient(members, clientHash(clientAddress));
}
