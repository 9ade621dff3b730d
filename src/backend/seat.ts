import { codeOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { Backend, PathRoute } from "../config/destination.ts";
import { limits } from "../config/limits.ts";
import type { Balancer, NoBackend } from "./balance.ts";
import type { Deadlines } from "./deadlines.ts";
import { failureOf } from "./failure.ts";
import type { FarEnd } from "./far-end.ts";
import type { Group, Member, Seeker } from "./group.ts";
import { backendName } from "./identity.ts";

/** Whom a request is from. */
export interface Guest {
  readonly clientAddress: string;
  /** The value of one of the cookies of the request. */
  cookieNamed(name: string): string | undefined;
}

/** Who sits at a backend. */
export interface Sitter {
  /** It waited for a backend, and is to {@link Seat.take} one now. */
  seatFree(): void;
}

/** What the places of all requests share. */
export interface SeatTools {
  readonly balancer: Balancer;
  readonly deadlines: Deadlines;
  readonly log: Log;
}

/** Statuses of 5xx that say more of the request than of the backend: 501 and 505. */
const REQUESTS_FAULT: ReadonlySet<number> = new Set([501, 505]);

/**
 * The place that one request after the other has at a backend: chosen, counted for as long as it is
 * taken, waited for when all are taken, given up for another one when the backend fails.
 */
export class Seat implements Seeker {
  readonly #sitter: Sitter;
  readonly #guest: Guest;
  readonly #tools: SeatTools;
  #group: Group | undefined;
  #home: Member | undefined;
  #member: Member | undefined;
  #tried: Member[] = [];
  /** How often it was tried in vain. */
  #tries = 0;
  #isWaiting = false;
  #hasWaited = false;
  #hasMoved = false;

  constructor(sitter: Sitter, guest: Guest, tools: SeatTools) {
    this.#sitter = sitter;
    this.#guest = guest;
    this.#tools = tools;
  }

  get tried(): readonly Member[] {
    return this.#tried;
  }

  get clientAddress(): string {
    return this.#guest.clientAddress;
  }

  get home(): Member | undefined {
    return this.#home;
  }

  /** When a client may come again that found all backends down, in whole seconds. */
  get retryAfterSeconds(): number {
    return Math.ceil((this.#group?.health?.everyMs ?? limits.unavailableRetryAfterMs) / 1_000);
  }

  /**
   * The line that holds the client to its backend from now on; nothing when it is held to one already that
   * it comes back to, also if that is not this one.
   */
  get cookieLine(): string {
    const { balance, cookieName } = this.#group ?? {};
    const cookie = this.#member?.cookie;
    if (balance?.method !== "cookie" || cookie === undefined || cookieName === undefined) return "";
    if (this.#home === this.#member || this.#home?.keepsClients === true) return "";
    return `Set-Cookie: ${cookieName}=${cookie}; Path=/; Secure; HttpOnly; SameSite=Lax\r\n`;
  }

  /** A request of this route comes. */
  begin(route: PathRoute): void {
    const group = this.#tools.balancer.groupOf(route);
    this.#group = group;
    this.#home =
      route.balance.method === "cookie"
        ? group.homeOf(this.#guest.cookieNamed(group.cookieName))
        : undefined;
    group.resends.earn();
    this.#hasMoved = false;
    this.#hasWaited = false;
    this.#tries = 0;
    if (this.#tried.length > 0) this.#tried = [];
  }

  /** Takes a place at a backend where it was not tried yet, and gives up the one it has; or says why there is none. */
  take(): Backend | NoBackend {
    this.leave();
    const group = this.#group;
    if (group === undefined || this.#tries >= limits.backendTriesMax) return "tried";
    const choice = this.#tools.balancer.choose(group, this);
    if (typeof choice === "string") return choice;
    this.#member = choice;
    return choice.backend;
  }

  /** Waits for a place, to hear `seatFree`. `false`: too many do already. */
  wait(): boolean {
    const group = this.#group;
    if (group === undefined) return false;
    // One that took no connection before may take one when its time out is over.
    const { now } = this.#tools.deadlines;
    this.#tried = this.#tried.filter(({ standing }) => !standing.isOut(now));
    this.#isWaiting = this.#tools.balancer.wait(group, this, this.#hasWaited);
    this.#hasWaited = true;
    return this.#isWaiting;
  }

  backendFree(): void {
    this.#isWaiting = false;
    this.#sitter.seatFree();
  }

  /** Gives the place up, or no longer waits for one. */
  leave(): void {
    const member = this.#member;
    this.#member = undefined;
    if (this.#isWaiting && this.#group !== undefined)
      this.#tools.balancer.giveUp(this.#group, this);
    this.#isWaiting = false;
    if (member !== undefined) this.#tools.balancer.release(member);
  }

  /** The place is the tunnel's now, for as long as that lives. */
  leaveTo(end: FarEnd): void {
    const member = this.#member;
    this.#member = undefined;
    if (member === undefined) return;
    const { balancer } = this.#tools;
    end.whenClosed(() => balancer.release(member));
  }

  /** The backend took a connection. */
  connected(): void {
    const member = this.#member;
    if (member !== undefined && this.#tools.balancer.markUp(member))
      this.#tools.log.info("backend.up", { backend: backendName(member.backend) });
  }

  /** It did not, because of `cause` or by its silence: it is passed over for a while. */
  unconnected(cause: Error | undefined): void {
    const member = this.#member;
    if (member === undefined) return;
    this.#failedAt(member);
    if (!this.#tools.balancer.markDown(member)) return;
    this.#tools.log.warn("backend.down", {
      backend: backendName(member.backend),
      code: codeOf(cause),
      message: failureOf(cause, "no connection in time"),
    });
  }

  /** It cannot do what the request asks for. */
  unfit(): void {
    if (this.#member !== undefined) this.#failedAt(this.#member);
  }

  /** It answered with this status. */
  answered(status: number): void {
    this.#judge(status < 500 || REQUESTS_FAULT.has(status));
  }

  /** It broke off its answer, gave none, or gave nonsense. */
  broken(): void {
    this.#judge(false);
  }

  /**
   * May a request that went away with its connection be sent to another backend? It is paid for then, and
   * the one that lost it is tried no more.
   */
  mayMove(): boolean {
    const member = this.#member;
    const group = this.#group;
    if (member === undefined || group === undefined || group.members.length < 2) return false;
    if (this.#hasMoved || !group.resends.spend(this.#tools.deadlines.now)) return false;
    this.#hasMoved = true;
    this.#judge(false);
    this.#failedAt(member);
    this.#tools.log.info("backend.lost", { backend: backendName(member.backend) });
    return true;
  }

  #failedAt(member: Member): void {
    this.#tried.push(member);
    this.#tries += 1;
  }

  #judge(isGood: boolean): void {
    const member = this.#member;
    const group = this.#group;
    if (member === undefined || group === undefined) return;
    const forMs = this.#tools.balancer.judge(group, member, isGood);
    if (forMs !== undefined)
      this.#tools.log.warn("backend.ejected", { backend: backendName(member.backend), forMs });
  }
}
