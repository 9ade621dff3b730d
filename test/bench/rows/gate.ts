import { admitCases } from "../micro/admit.ts";
import { headCases } from "../micro/head.ts";
import { type MicroCase, nanosecondsOf } from "../micro/micro-case.ts";
import { routeCases } from "../micro/route.ts";
import type { SoloRow } from "../row.ts";

const ROUND_MS = 300;
const NS_PER_US = 1_000;

/** Pure functions, each warm before it counts: what of the small answers above is the strict reading, and the gate. */
export const gateRow: SoloRow = {
  lines: [
    {
      name: "head",
      what: "of that, the strict reading of the heads: a small request and its answer",
      unit: "µs",
      beside: { row: "small", as: "small" },
    },
    {
      name: "gate",
      what: "of that, the gate: is it one request, for this host, in one framing?",
      unit: "µs",
      beside: { row: "small", as: "small" },
    },
  ],
  measure: () => [
    (costOf(headCases, "request, small") + costOf(headCases, "answer")) / NS_PER_US,
    costOf(admitCases, "request, small") / NS_PER_US,
  ],
};

/** It takes as many steps for any number of them; what is not in the caches of the processor takes longer. */
export const lookupRow: SoloRow = {
  lines: [
    { name: "lookup-10", what: "route of a name, of 10 hosts", unit: "ns" },
    { name: "lookup-100k", what: "route of a name, of 100,000 hosts", unit: "ns" },
  ],
  measure: () => [costOf(routeCases, "a host of 10"), costOf(routeCases, "a host of 100,000")],
};

/** Nanoseconds for each call of the case whose name ends so, or goes on with a comma. */
function costOf(cases: readonly MicroCase[], words: string): number {
  const wanted = cases.find(({ name }) => `${name},`.includes(`: ${words},`));
  if (wanted === undefined) throw new TypeError(`Cannot measure ${words}: there is no such case`);
  nanosecondsOf(wanted, ROUND_MS);
  return nanosecondsOf(wanted, ROUND_MS);
}
