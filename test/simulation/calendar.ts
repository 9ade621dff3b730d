import { seeded } from "../support/seeded.ts";
import { type OutageKind, type OutageScope, outageKinds, outageScopes } from "./simulated-ca.ts";

/** What happens to the simulated world, each at a true time after its beginning, in milliseconds. */
export type Happening =
  | {
      readonly kind: "outage";
      readonly at: number;
      readonly forMs: number;
      readonly how: OutageKind;
      /** Of the whole CA, or of this endpoint alone. */
      readonly of: OutageScope;
    }
  /** A person points a name elsewhere, and points it back. */
  | {
      readonly kind: "dns-mistake";
      readonly at: number;
      readonly forMs: number;
      readonly host: string;
    }
  /** The program ends and is back after `forMs`; `inOrder`: it ends at this step of the next order. */
  | {
      readonly kind: "reboot";
      readonly at: number;
      readonly forMs: number;
      readonly inOrder: string | undefined;
    }
  /** The machine's wall clock is wrong for a while. */
  | {
      readonly kind: "clock-step";
      readonly at: number;
      readonly forMs: number;
      readonly byMs: number;
    };

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;

/** How often a year each of them comes. */
const PER_YEAR = {
  hourOutages: 12,
  longOutages: 2,
  /** Of one endpoint, for up to a day and a half. */
  partOutages: 20,
  dnsMistakes: 50,
  reboots: 40,
  clockSteps: 8,
};
const STEPS = [30_000, -30_000, HOUR, -HOUR, DAY, -DAY];
/** Events of the log at which a program dies in the middle of an order. */
const ORDER_STEPS = ["order.started", "order.created", "challenge.armed", "order.finalizing"];

/** The happenings of `years` years, the same for the same seed, in order. */
export function calendarOf(seed: number, years: number, hosts: readonly string[]): Happening[] {
  const below = seeded(seed);
  const some = <Item>(items: readonly Item[]): Item => items[below(items.length)] as Item;
  // A number drawn has 32 bits, and three years more milliseconds than that.
  const when = () => below(Math.floor((years * YEAR) / SECOND)) * SECOND + below(SECOND);
  const times = (perYear: number) => Array.from({ length: Math.round(perYear * years) }, when);
  return [
    ...outages(times(PER_YEAR.hourOutages), HOUR, () => some(outageKinds)),
    ...outages(times(PER_YEAR.longOutages), 3 * DAY, () => some(outageKinds)),
    ...times(PER_YEAR.partOutages).map((at, index): Happening => {
      const of = outageScopes[index % outageScopes.length] as OutageScope;
      return { kind: "outage", at, forMs: HOUR + below(36 * HOUR), how: some(outageKinds), of };
    }),
    ...times(PER_YEAR.dnsMistakes).map((at): Happening => {
      const forMs = HOUR + below(36 * HOUR);
      return { kind: "dns-mistake", at, forMs, host: some(hosts) };
    }),
    ...times(PER_YEAR.reboots).map((at, index): Happening => {
      const inOrder = index % 2 === 0 ? undefined : some(ORDER_STEPS);
      return { kind: "reboot", at, forMs: 5_000 + below(5 * MINUTE), inOrder };
    }),
    ...times(PER_YEAR.clockSteps).map((at): Happening => {
      return { kind: "clock-step", at, forMs: HOUR + below(12 * HOUR), byMs: some(STEPS) };
    }),
  ].sort((a, b) => a.at - b.at);
}

function outages(at: readonly number[], forMs: number, how: () => OutageKind): Happening[] {
  return at.map((each) => ({ kind: "outage", at: each, forMs, how: how(), of: "everything" }));
}
