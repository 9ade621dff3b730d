import type { ReloadOutcome } from "../base/reload-outcome.ts";
import type { UnsavedCertificate } from "./certificate-news.ts";
import type { ChildPlan } from "./child.ts";

/** What the fleet is made of now; a new one replaces it child by child. */
export interface FleetPlan {
  readonly workers: number;
  /** @param era Grows with every manager ever started. */
  manager(era: number, unsaved: readonly UnsavedCertificate[]): ChildPlan;
  /**
   * @param index Grows with every worker ever started: no address is used twice.
   * @param place From 0 to below `workers`: also that of the one before it, and of the one after it.
   */
  worker(index: number, place: number): ChildPlan;
}

/** What children say that is the caller's to decide. */
export interface FleetCalls {
  /** A child says that it can never work, or no worker came to serve, however often it was tried. */
  fatal(code: string, detail: string): void;
  /** The manager wants the configuration read again, and an answer. */
  reload(answer: (outcome: ReloadOutcome) => void): void;
}
