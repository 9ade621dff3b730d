import {
  BACKEND_FAILURES,
  CLASSES,
  DURATION_BOUNDS,
  HANDSHAKES,
  METHODS,
  PLACES,
  PROTOCOLS,
  REFUSALS,
  STATUSES,
} from "../base/counts.ts";
import type { LoopDelays } from "../base/loop-delay.ts";
import { type Row, row, type Table } from "./exposition.ts";
import type { Gathered } from "./gathering.ts";

/** The metrics of what workers do, and of how late processes are. Pure. */
export function* trafficTables(gathered: Gathered, managerDelays: LoopDelays): Generator<Table> {
  const { totals } = gathered;
  const totalAt = (place: number): number => totals[place] ?? 0;
  const rowsAt = (place: number, words: readonly string[]): readonly Row[] =>
    words.map((word, at) => row(totalAt(place + at), word));
  yield { name: "latchkey_workers_silent", rows: [row(gathered.silent)] };
  yield { name: "latchkey_connections_open", rows: [row(gathered.connectionsOpen)] };
  yield { name: "latchkey_connections_accepted_total", rows: [row(totalAt(PLACES.accepted))] };
  yield {
    name: "latchkey_connections_refused_total",
    rows: rowsAt(PLACES.refusals, REFUSALS),
  };
  yield { name: "latchkey_tls_handshakes_total", rows: rowsAt(PLACES.handshakes, HANDSHAKES) };
  yield { name: "latchkey_requests_under_way", rows: [row(gathered.requestsUnderWay)] };
  yield { name: "latchkey_requests_total", rows: requestRows(totals) };
  yield { name: "latchkey_host_requests_total", rows: hostRows(gathered) };
  yield { name: "latchkey_request_duration_seconds", rows: [durations(totals)] };
  yield { name: "latchkey_request_body_bytes_total", rows: [row(totalAt(PLACES.bodyBytes))] };
  yield { name: "latchkey_response_body_bytes_total", rows: [row(totalAt(PLACES.bodyBytes + 1))] };
  yield {
    name: "latchkey_backend_failures_total",
    rows: rowsAt(PLACES.backendFailures, BACKEND_FAILURES),
  };
  yield { name: "latchkey_backend_retries_total", rows: [row(totalAt(PLACES.retries))] };
  const delays = [["manager", managerDelays] as const, ...gathered.delays];
  yield {
    name: "latchkey_event_loop_delay_p99_seconds",
    rows: delays.map(([process, { p99 }]) => row(p99, process)),
  };
  yield {
    name: "latchkey_event_loop_delay_max_seconds",
    rows: delays.map(([process, { max }]) => row(max, process)),
  };
}

/** Only of what there was: a table of all methods and statuses is long, and nearly empty. */
function* requestRows(totals: readonly number[]): Generator<Row> {
  let place: number = PLACES.requests;
  for (const protocol of PROTOCOLS) {
    for (const method of METHODS) {
      for (const status of STATUSES) {
        const count = totals[place] ?? 0;
        place += 1;
        if (count > 0) yield row(count, protocol, method, status);
      }
    }
  }
}

function* hostRows({ hosts }: Gathered): Generator<Row> {
  for (const [host, answers] of hosts) {
    for (const [at, count] of answers.entries())
      if (count > 0) yield row(count, host, CLASSES[at] ?? "");
  }
}

function durations(totals: readonly number[]): Row {
  const counts = totals.slice(PLACES.durations, PLACES.durationSum);
  const sum = totals[PLACES.durationSum] ?? 0;
  return { labels: [], value: { bounds: DURATION_BOUNDS, counts, sum } };
}
