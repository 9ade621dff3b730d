import type { Clock } from "../base/clock.ts";
import { failureFacts, type Log } from "../base/log.ts";
import { Child, type ChildPlan } from "./child.ts";
import { Crashes } from "./crashes.ts";
import type { FleetCalls, FleetPlan } from "./fleet-plan.ts";
import { Leaving } from "./leaving.ts";
import {
  type Crashing,
  type Envelope,
  type FromSupervisor,
  type ManagerState,
  type Message,
  type WorkerFacts,
  workerIndexOf,
} from "./messages.ts";
import { deathsAfter, type End, restartWaitMs } from "./restart.ts";
import { UnsavedCertificates } from "./unsaved.ts";

/** A child and the place it fills: the place stays when the child dies. */
interface Slot {
  readonly role: "manager" | "worker";
  child: Child | undefined;
  /** Those it replaces: they serve until it is ready. */
  predecessors: Child[];
  /** Early deaths in a row, for the back-off. */
  deaths: number;
  restart: NodeJS.Timeout | undefined;
}

function stateOf(manager: Child | undefined): ManagerState {
  if (manager === undefined) return "away";
  return manager.ready ? "ready" : "starting";
}

/** A terminal's Ctrl-C reaches children too: one that is only starting ends by it, with nothing open. */
function isCutShort({ ready }: Child, signal: string | undefined): boolean {
  return !ready && (signal === "SIGINT" || signal === "SIGTERM");
}

/**
 * Every child process of the program: started, watched, started again with back-off when one dies,
 * and their messages passed on. Serving depends on none of them alone: a dead worker's connections
 * in the accept queue are taken by the others, and workers serve without the manager.
 */
export class Fleet {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #calls: FleetCalls;
  readonly #slots: Slot[] = [];
  readonly #leaving = new Leaving();
  readonly #crashes = new Crashes({
    changed: (crashing) => this.#tellCrashing(crashing),
    noneServed: (detail) => this.#calls.fatal("PROCESS_UNREACHABLE", detail),
  });
  readonly #readyOnce = Promise.withResolvers<void>();
  #plan: FleetPlan;
  readonly #unsaved = new UnsavedCertificates();
  #era = 0;
  #lastIndex = 0;
  #isStopping = false;
  #whenEmpty: (() => void) | undefined;
  readonly #whenSettled: (() => void)[] = [];

  constructor(plan: FleetPlan, clock: Clock, log: Log, calls: FleetCalls) {
    this.#plan = plan;
    this.#clock = clock;
    this.#log = log;
    this.#calls = calls;
  }

  /** Starts every child. Resolves when the manager and all workers have been ready once. */
  start(): Promise<void> {
    this.#addSlot("manager");
    while (this.#slots.length <= this.#plan.workers) this.#addSlot("worker");
    return this.#readyOnce.promise;
  }

  /**
   * Replaces every child by one of `plan` without a gap: a worker leaves when its successor is
   * ready; the manager, which holds the lease on storage, leaves first. Resolves when the whole
   * fleet is of the new plan and the old one takes no more connections; what is open there has
   * `reloadDrainMaxMs` to finish, as long as not too many reloads follow. A fleet that drains or was
   * killed stays as it is, and this never resolves.
   */
  replace(plan: FleetPlan): Promise<void> {
    if (this.#isStopping) return new Promise(() => {});
    this.#leaving.makeRoom(Math.max(this.#plan.workers, plan.workers));
    this.#plan = plan;
    for (const { child, predecessors, restart } of this.#slots.splice(1 + plan.workers)) {
      clearTimeout(restart);
      for (const each of child ? [child, ...predecessors] : predecessors) this.#leave(each);
    }
    for (const slot of this.#slots) {
      const old = slot.child;
      clearTimeout(slot.restart);
      slot.deaths = 0;
      if (old === undefined) this.#startChild(slot);
      else if (slot.role === "manager") this.#leave(old);
      else {
        slot.predecessors.push(old);
        this.#startChild(slot);
      }
    }
    while (this.#slots.length <= plan.workers) this.#addSlot("worker");
    this.#announcePeers();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#whenSettled.push(resolve);
    return promise;
  }

  /** Says something to the manager, if there is one. */
  tellManager(message: FromSupervisor): void {
    this.#manager()?.send(message);
  }

  /** Tells every child to finish; resolves when all are gone, at the latest a second after the deadline. */
  async drain(deadlineMs: number): Promise<void> {
    this.#startNoMore();
    for (const child of this.#children()) child.drain(deadlineMs, { isReplaced: false });
    if (this.#children().length === 0) return;
    await new Promise<void>((resolve) => {
      this.#whenEmpty = resolve;
    });
  }

  /** Ends every child at once. */
  kill(): void {
    this.#startNoMore();
    for (const child of this.#children()) child.kill();
  }

  #startNoMore(): void {
    this.#isStopping = true;
    for (const slot of this.#slots) clearTimeout(slot.restart);
  }

  #addSlot(role: Slot["role"]): void {
    const slot: Slot = { role, child: undefined, predecessors: [], deaths: 0, restart: undefined };
    this.#slots.push(slot);
    this.#startChild(slot);
  }

  /** A child that the system does not let us start (no memory, no process) is one that died at once. */
  #startChild(slot: Slot): void {
    const plan =
      slot.role === "manager"
        ? this.#plan.manager(++this.#era, this.#unsaved.all)
        : this.#plan.worker(++this.#lastIndex, this.#slots.indexOf(slot) - 1);
    try {
      slot.child = this.#newChild(slot, plan);
    } catch (error) {
      slot.child = undefined;
      this.#log.error("process.unstarted", { child: plan.address, ...failureFacts(error) });
      const end = { child: plan.address, code: undefined, signal: undefined };
      this.#crashes.add(end, this.#slots.indexOf(slot));
      this.#startAgain(slot, { wanted: false, livedMs: 0, wasReady: false });
    }
  }

  #newChild(slot: Slot, plan: ChildPlan): Child {
    const child: Child = new Child(plan, this.#clock.now(), this.#log, {
      ready: () => {
        this.#log.info("process.ready", { child: plan.address, pid: child.pid });
        if (slot.role === "worker") this.#crashes.workerServes();
        for (const old of slot.predecessors.splice(0)) this.#leave(old);
        this.#announcePeers();
        this.#lookIfSettled();
      },
      closed: () => {
        if (slot.child === child && !child.draining) this.#succeed(slot, child);
        this.#announcePeers();
        this.#lookIfSettled();
      },
      message: (envelope) => this.#route(envelope),
      exited: (how) => this.#exited(slot, child, how),
    });
    return child;
  }

  #exited(
    slot: Slot,
    child: Child,
    how: { code: number | undefined; signal: string | undefined; livedMs: number },
  ): void {
    const event = child.plan.address === "manager" ? "manager.exited" : "worker.exited";
    const end = { child: child.plan.address, code: how.code, signal: how.signal };
    const facts = { ...end, livedMs: Math.round(how.livedMs) };
    // One that was to finish may crash meanwhile, and cut what was open.
    const isExpected = how.code === 0 || child.killed || isCutShort(child, how.signal);
    if (child.draining && isExpected) this.#log.info(event, facts);
    else this.#log.error(event, facts);
    if (!child.draining) this.#crashes.add(end, this.#slots.indexOf(slot));
    this.#leaving.delete(child);
    if (slot.child === child) {
      slot.child = undefined;
      const { draining: wanted, ready: wasReady } = child;
      this.#startAgain(slot, { wanted, livedMs: how.livedMs, wasReady });
    }
    slot.predecessors = slot.predecessors.filter((each) => each !== child);
    this.#announcePeers();
    this.#lookIfSettled();
    if (this.#isStopping && this.#children().length === 0) this.#whenEmpty?.();
  }

  #tellCrashing(crashing: Crashing | undefined): void {
    if (crashing === undefined) this.#log.info("process.recovered");
    else this.#log.error("process.degraded", { ...crashing });
    this.#announcePeers();
  }

  #startAgain(slot: Slot, end: End): void {
    if (this.#isStopping || !this.#slots.includes(slot)) return;
    slot.deaths = deathsAfter(slot.deaths, end);
    const isLast = slot.role === "worker" && !this.#workers().some((each) => each.isServing);
    const waitMs = restartWaitMs(slot.deaths, end, isLast);
    slot.restart = setTimeout(() => this.#startChild(slot), waitMs);
  }

  /** A worker with a fault of ours takes nobody any more, and may have long connections left: its place is free. */
  #succeed(slot: Slot, child: Child): void {
    this.#leaving.add(child);
    slot.child = undefined;
    this.#startAgain(slot, { wanted: false, livedMs: child.livedMs, wasReady: true });
  }

  /** Is every place filled and ready, and does nobody of before take connections any more? */
  #lookIfSettled(): void {
    const isFilled = this.#slots.every(({ child }) => child?.ready === true && !child.draining);
    if (!isFilled || !this.#leaving.areClosed) return;
    this.#readyOnce.resolve();
    for (const resolve of this.#whenSettled.splice(0)) resolve();
  }

  #leave(child: Child): void {
    if (child.plan.address !== "manager") this.#leaving.retireWorker(child);
    else this.#leaving.retireManager(child, this.#plan.manager(this.#era, []));
  }

  /** Only the manager may speak to workers; a worker reaches the manager and us. */
  #route(envelope: Envelope): void {
    const { from, to, message } = envelope;
    const sender = this.#children().find((child) => child.plan.address === from);
    if (to === "supervisor") {
      this.#hear(message, sender);
      return;
    }
    if (to === "manager") {
      if (from !== "manager") this.#manager()?.pass(envelope);
      return;
    }
    if (from !== "manager" || sender === undefined) return;
    for (const worker of this.#workers()) {
      if (to === "workers" || to === worker.plan.address) worker.pass(envelope);
    }
  }

  #hear(message: Message, sender: Child | undefined): void {
    if (message.type === "fatal") this.#calls.fatal(message.code, message.detail);
    if (message.type === "unsaved.news") this.#unsaved.hear(message);
    if (message.type !== "reload.ask") return;
    const { ask } = message;
    this.#calls.reload((outcome) => sender?.send({ type: "reload.answer", ask, outcome }));
  }

  #announcePeers(): void {
    const current = new Set(this.#slots.map(({ child }) => child));
    const workers = this.#workers().map(
      (child): WorkerFacts => ({
        index: workerIndexOf(child.plan.address),
        pid: child.pid,
        startedAt: child.startedAt,
        ready: child.ready,
        isCurrent: current.has(child),
        isDraining: child.draining || child.closed,
      }),
    );
    const manager = stateOf(this.#manager());
    const { crashing } = this.#crashes;
    const message: Message = { type: "peers", manager, workers, crashing };
    for (const child of this.#children()) child.send(message);
  }

  #manager(): Child | undefined {
    return this.#slots[0]?.child;
  }

  /** Every worker that still has connections, also those that leave. */
  #workers(): Child[] {
    return this.#children().filter((child) => child.plan.address !== "manager");
  }

  #children(): Child[] {
    const filled = this.#slots.flatMap(({ child, predecessors }) =>
      child === undefined ? predecessors : [child, ...predecessors],
    );
    return [...filled, ...this.#leaving.all.filter((child) => !filled.includes(child))];
  }
}
