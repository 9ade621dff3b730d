import { limits } from "./limits.ts";
import { readLookTarget } from "./locations.ts";
import { type Reading, read, wrong } from "./reading.ts";
import {
  anyOf,
  choice,
  duration,
  key,
  mapping,
  number,
  type Output,
  onOff,
  someOf,
  text,
  whole,
} from "./schema.ts";

/** Of one backend beside others. */
export const weightKey = key(
  "What it gets beside the others; default 1.",
  whole(1, limits.weightMax, `a weight from 1 to ${limits.weightMax}`),
);

const row = whole(1, limits.healthRowMax, `a number from 1 to ${limits.healthRowMax}`);
const STATUS = "a status such as 200, or a class such as 2xx";
const status = anyOf([number(readStatus, STATUS), text(readStatusClass, STATUS)], STATUS);

const HEALTH = "on, off, or a mapping such as { path: /healthz }";
const health = mapping(
  {
    path: key(
      "What is asked for by GET; default: being connected is enough.",
      text(readLookTarget, "a path such as /healthz"),
    ),
    status: key(
      "What a healthy one answers; default 2xx and 3xx.",
      anyOf(
        [
          number(readStatus, STATUS).transform((one) => [one]),
          text(readStatusClass, STATUS).transform((one) => [one]),
          someOf(status, "a list such as [200, 204]"),
        ],
        STATUS,
      ),
    ),
    every: key(
      "How often; default 10s.",
      duration(limits.healthEveryMinMs, limits.healthEveryMaxMs, "10s"),
    ),
    timeout: key(
      "A slower answer is none; default 2s.",
      duration(limits.healthTimeoutMinMs, limits.healthTimeoutMaxMs, "2s"),
    ),
    healthyAfter: key("Good looks in a row that bring it back; default 2.", row),
    unhealthyAfter: key("Bad looks in a row that take it out; default 3.", row),
  },
  HEALTH,
);

/** How one of several backends is chosen, and how it is found out which are up. */
export const balanceKeys = {
  balance: key(
    "Which of several backends comes next; default round-robin.",
    choice(["round-robin", "least-connections", "random-two", "client-hash", "cookie"]),
  ),
  health: key(
    "Looks at each backend, and passes over those that are down.",
    anyOf([onOff.transform((isOn) => (isOn ? {} : "off")), health], HEALTH),
  ),
  maxConnections: key(
    "Requests under way at one backend, over all workers; more wait for as long as `timeouts.connect`. Default: no limit.",
    whole(1, limits.backendConnectionsMax, "a number such as 100"),
  ),
  slowStart: key(
    "How long a backend that is back takes to get its whole share; default: none.",
    duration(limits.slowStartMinMs, limits.slowStartMaxMs, "30s"),
  ),
  ejectAfter: key(
    "Failing answers (5xx, broken) in a row that put a backend out for a while; default: any number.",
    whole(1, limits.ejectAfterMax, "a number such as 5"),
  ),
} as const;

export type WrittenHealth = Output<typeof health>;
export type StatusRange = readonly [from: number, to: number];

function readStatus(value: number): Reading<StatusRange> {
  return Number.isInteger(value) && value >= 200 && value <= 599
    ? read([value, value])
    : wrong("is out of range, wanted a status from 200 to 599");
}

function readStatusClass(input: string): Reading<StatusRange> {
  const hundreds = /^([2-5])xx$/.exec(input)?.[1];
  if (hundreds === undefined) return wrong(`is no class of statuses, wanted ${STATUS}`);
  return read([Number(hundreds) * 100, Number(hundreds) * 100 + 99]);
}
