import type { Facts } from "../base/errors.ts";
import { readKey } from "../base/trouble.ts";
import type { Row } from "./exposition.ts";

/** What stands for several alerts that would have been too many at once. */
const MORE = "alerts.more";

/** Counts what the manager tells in its log, for as long as it lives. */
export class EventCounts {
  readonly #attempts = new Map<string, number>();
  readonly #alerts = new Map<string, number>();

  /** One line of the log. Issuers are those of the configuration, kinds of alerts a closed set. */
  readonly hear = (event: string, { issuer, alert }: Facts): void => {
    if (event === "certificate.issued") add(this.#attempts, [textOf(issuer), "issued"]);
    else if (event === "certificate.failed") add(this.#attempts, [textOf(issuer), "failed"]);
    else if (event === "alert.sent") add(this.#alerts, [kindOf(alert), "sent"]);
    else if (event === "alert.failed") add(this.#alerts, [kindOf(alert), "failed"]);
  };

  /** By issuer and outcome. */
  get attempts(): Iterable<Row> {
    return rowsOf(this.#attempts);
  }

  /** By kind and outcome: each delivery that failed counts, also when it is tried again. */
  get alerts(): Iterable<Row> {
    return rowsOf(this.#alerts);
  }
}

function kindOf(alert: Facts[string]): string {
  return readKey(textOf(alert))?.kind ?? MORE;
}

/** An empty label is none to Prometheus. */
function textOf(fact: Facts[string]): string {
  return fact === undefined ? "" : String(fact);
}

function add(counts: Map<string, number>, labels: readonly string[]): void {
  const key = labels.join("\n");
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function* rowsOf(counts: ReadonlyMap<string, number>): Generator<Row> {
  for (const [key, value] of counts) yield { labels: key.split("\n"), value };
}
