import type { Notice } from "../../src/alert/notice.ts";

/** What is told late is told within this of time in which the machine runs: a look, a message to be had, an order. */
const GRACE_MS = 20 * 60_000;
/** What comes and goes is told once in so long: see the README on alerts. */
const QUIET_MS = 3_600_000;
const REMINDER_MS = 86_400_000;

/** One trouble, as far as a person heard of it. */
interface Page {
  state: "begun" | "recovered" | undefined;
  /** `undefined`: told with many others, which do not say. */
  severity: Notice["severity"] | undefined;
  /** True time, and by the clock of the machine. */
  toldAt: number;
  /** How long it has been so, with the machine running, since something was told of it. */
  onMs: number;
  offMs: number;
  /** Counted as not told in time already. */
  isMissed: boolean;
}

/** What the audit knows without asking the program. */
export interface AuditSteps {
  /** True time. */
  now(): number;
  /** Keys of everything that is wrong now, by what happened and not by what the program thinks. */
  wrongNow(): ReadonlySet<string>;
  /** A person is told that it is over: is it so by the clock alone, which was ahead when it happened? Then it is wrong no more. */
  setRight(key: string): void;
}

/**
 * Holds what a person is told against what happened: each trouble once when it begins, and once when it is over;
 * again only when it grows worse, and as a reminder once a day.
 */
export class AlertAudit {
  readonly #steps: AuditSteps;
  readonly #pages = new Map<string, Page>();
  #lastWrong: ReadonlySet<string> = new Set();
  #disturbedAt = Number.NEGATIVE_INFINITY;
  begun = 0;
  reminders = 0;
  recovered = 0;
  readonly faults: string[] = [];

  constructor(steps: AuditSteps) {
    this.#steps = steps;
  }

  /** The machine has run for `stepMs` since the last time. */
  observe(stepMs: number): void {
    const wrong = this.#steps.wrongNow();
    for (const key of new Set([...wrong, ...this.#pages.keys()])) {
      const page = this.#pageOf(key);
      const isOn = wrong.has(key);
      page.onMs = isOn ? page.onMs + stepMs : 0;
      page.offMs = isOn ? 0 : page.offMs + stepMs;
      this.#findMissed(key, page);
    }
    this.#lastWrong = wrong;
  }

  /** The machine's clock was set: waits that it measures by it begin anew, or are over. */
  disturbed(): void {
    this.#disturbedAt = this.#steps.now();
  }

  /** A person is told this. */
  told(notice: Notice): void {
    const parts = partsOf(notice);
    for (const { state, key } of parts) if (state === "recovered") this.#steps.setRight(key);
    const wrong = this.#steps.wrongNow();
    for (const { state, key } of parts) {
      const page = this.#pageOf(key);
      const isOn = wrong.has(key);
      this.#judge(key, page, { state, isOn, severity: notice.severity });
      if (state !== "reminder") page.state = state;
      page.severity = notice.event === "alerts.more" ? undefined : notice.severity;
      page.toldAt = this.#steps.now();
      [page.onMs, page.offMs, page.isMissed] = [0, 0, false];
    }
  }

  #judge(
    key: string,
    page: Page,
    { state, isOn, severity }: Pick<Notice, "state" | "severity"> & { isOn: boolean },
  ): void {
    switch (state) {
      case "begun": {
        this.begun += 1;
        const isWorse = severity === "critical" && page.severity !== "critical";
        if (page.state === "begun" && !isWorse) this.#fault(key, "told twice that it began");
        if (!isOn && !this.#lastWrong.has(key)) this.#fault(key, "told of, and nothing was wrong");
        break;
      }
      case "recovered":
        this.recovered += 1;
        if (page.state !== "begun") this.#fault(key, "told that it is over, and not that it began");
        if (isOn) this.#fault(key, "told that it is over while it lasts");
        break;
      default: {
        this.reminders += 1;
        const isEarly = this.#steps.now() - Math.max(page.toldAt, this.#disturbedAt) < REMINDER_MS;
        const wasDisturbed = this.#disturbedAt > page.toldAt;
        if (page.state !== "begun") this.#fault(key, "told that it lasts, and not that it began");
        if (isEarly && !wasDisturbed) this.#fault(key, "reminded of within a day");
      }
    }
  }

  #findMissed(key: string, page: Page): void {
    if (page.isMissed) return;
    const quietUntil = Math.max(page.toldAt, this.#disturbedAt) + QUIET_MS;
    const isQuiet = this.#steps.now() < quietUntil + GRACE_MS;
    const isMissed = page.state !== "begun" && page.onMs > GRACE_MS && !isQuiet;
    const isUnended = page.state === "begun" && page.offMs > GRACE_MS;
    if (isMissed) this.#fault(key, "not told of");
    if (isUnended) this.#fault(key, "not told that it is over");
    page.isMissed = isMissed || isUnended;
  }

  #pageOf(key: string): Page {
    const page = this.#pages.get(key) ?? {
      ...{ state: undefined, severity: undefined, toldAt: Number.NEGATIVE_INFINITY },
      ...{ onMs: 0, offMs: 0, isMissed: false },
    };
    this.#pages.set(key, page);
    return page;
  }

  #fault(key: string, what: string): void {
    this.faults.push(`${new Date(this.#steps.now()).toISOString()} ${key}: ${what}`);
  }
}

/** What a notice tells of: one trouble, or a line for each of many. */
function partsOf(notice: Notice): { readonly state: Notice["state"]; readonly key: string }[] {
  const { event, state, key, detail } = notice;
  if (event !== "alerts.more") return [{ state, key }];
  return (detail ?? "").split("\n").map((line) => {
    const [, each, rest] = /^(begun|reminder|recovered): (.+)$/.exec(line) ?? [];
    if (each !== "begun" && each !== "reminder" && each !== "recovered")
      throw new Error(`A notice names not all that it tells of: ${line}`);
    return { state: each, key: rest ?? "" };
  });
}
