import type { BackendRecord } from "../../base/backend-record.ts";
import { formatTime } from "../../base/format-time.ts";
import { limits } from "../../config/limits.ts";
import type { Snapshot, TroubleSnapshot, WorkerSnapshot } from "../snapshot.ts";
import { type Choice, cell, chooseHosts, hostsSection, rowIdOf, verbatim } from "./hosts.ts";
import { type Html, html, NONE } from "./html.ts";
import { badge, headlineOf, type Level, numberText, signOf } from "./standing.ts";
import { iconOf, REFRESH_SECONDS, SCRIPT, STYLE } from "./style.ts";
import { exactly, moment } from "./times.ts";

/** What a page is made of. */
export interface Sight {
  readonly snapshot: Snapshot;
  /** The name of this machine. */
  readonly machine: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Hosts with this in their name are listed; see `readQuery`. */
  readonly query: string;
}

/**
 * The status page: one HTML document that loads nothing. Everything in it is escaped, since names and errors are
 * the words of strangers; however many hosts there are, it has a few hundred rows.
 */
export function renderPage({ snapshot, machine, now, query }: Sight): string {
  const headline = headlineOf(snapshot);
  const { hosts, backends, troubles } = snapshot;
  const choice = chooseHosts(hosts, query);
  const { text } = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<noscript><meta http-equiv="refresh" content="${REFRESH_SECONDS}"></noscript>
<title>${headline.text} · Latchkey on ${machine}</title>
<link rel="icon" href="${iconOf(headline.level)}">
<style>${STYLE}</style>
</head>
<body>
<main>
<header class="${headline.level}">
<h1>${signOf(headline.level)} ${headline.text}</h1>
<p>Latchkey ${snapshot.version} on ${machine}, as of ${exactly(formatTime(now))}</p>
</header>
${troublesSection(troubles, choice, now)}${hostsSection(choice, now)}${backendsSection(backends, now)}${processesSection(snapshot, now)}
</main>
<p id="lost" role="status" hidden>No answer for a moment: this page is not of now.</p>
<script>${SCRIPT}</script>
</body>
</html>
`;
  return text;
}

function troublesSection(
  troubles: readonly TroubleSnapshot[],
  { shown: hosts }: Choice,
  now: number,
): Html {
  if (troubles.length === 0) return NONE;
  const errors = new Map(hosts.map(({ host, lastError }) => [host, lastError?.detail]));
  const shown = worst(troubles).slice(0, limits.dashboardTroublesMax);
  const more = troubles.length - shown.length;
  return html`
<section>
<h2>Troubles</h2>
<ul class="troubles">
${shown.map((trouble) => troubleItem(trouble, errors.get(trouble.host ?? ""), now))}</ul>
${more === 0 ? NONE : html`<p>And ${numberText(more)} more.</p>`}
</section>`;
}

/** Those of the whole program before those of a host, and what turns clients away before what may. */
function worst(troubles: readonly TroubleSnapshot[]): readonly TroubleSnapshot[] {
  const rank = ({ host, severity }: TroubleSnapshot) =>
    (severity === "critical" ? 0 : 2) + (host === null ? 0 : 1);
  return troubles.toSorted((one, other) => rank(one) - rank(other));
}

/** @param error What the row of its host tells. */
function troubleItem(trouble: TroubleSnapshot, error: string | undefined, now: number): Html {
  const { kind, host, severity, message, detail } = trouble;
  const level: Level = severity === "critical" ? "bad" : "warn";
  const isTold = host !== null && error !== undefined && detail.endsWith(error);
  const about =
    host === null
      ? NONE
      : isTold
        ? html`<a href="#${rowIdOf(host)}">${host}</a>`
        : html`<b>${host}</b>`;
  return html`<li class="${level}"><p>${badge(level, severity)} <code>${kind}</code> ${about}</p>
<p>${message}</p>
${isTold ? NONE : causeOf(trouble, now)}</li>
`;
}

function causeOf({ detail, hint, nextAttemptAt }: TroubleSnapshot, now: number): Html {
  const next =
    nextAttemptAt === null ? NONE : html`<p>Next attempt ${moment(nextAttemptAt, now)}</p>`;
  return html`${detail === "" ? NONE : verbatim(detail)}
${hint === "" ? NONE : html`<p class="hint">${hint}</p>`}${next}`;
}

/** What the configuration does not say of them: only those that somebody looks at. */
const BACKENDS: Readonly<Record<BackendRecord["state"], Level>> = {
  down: "bad",
  drained: "warn",
  unknown: "busy",
  up: "good",
  unchecked: "none",
};
const BACKEND_RANKS = Object.keys(BACKENDS);

function backendsSection(backends: readonly BackendRecord[], now: number): Html {
  const watched = backends.filter(({ state }) => state !== "unchecked");
  if (watched.length === 0) return NONE;
  const shown = watched
    .toSorted((one, other) => BACKEND_RANKS.indexOf(one.state) - BACKEND_RANKS.indexOf(other.state))
    .slice(0, limits.dashboardRowsMax);
  const more = watched.length - shown.length;
  return html`
<section>
<h2>Backends</h2>
<table>
<caption class="unseen">Backends whose health is checked, those that are down first</caption>
<thead><tr><th scope="col">Backend</th><th scope="col">State</th><th scope="col">Of</th><th scope="col">Since</th><th scope="col">Why</th></tr></thead>
${shown.map((backend) => backendRow(backend, now))}
</table>
${more === 0 ? NONE : html`<p>And ${numberText(more)} more.</p>`}
</section>`;
}

function backendRow(record: BackendRecord, now: number): Html {
  const { host, path, backend, state, why, since } = record;
  const level = BACKENDS[state];
  const prefix = path === "/" ? host : `${host}${path}`;
  const moments = since === null ? "–" : moment(since, now);
  return html`<tbody class="${level}"><tr><th scope="row">${backend}</th>${cell("State", badge(level, state))}${cell("Of", prefix)}${cell("Since", moments)}${cell("Why", html`<bdi>${why ?? "–"}</bdi>`)}</tr></tbody>
`;
}

function processesSection(snapshot: Snapshot, now: number): Html {
  const { pid, file, startedAt, manager, workers } = snapshot;
  const rows = [
    { name: "supervisor", state: "running", startedAt, pid },
    { name: "manager", state: "running", ...manager },
    ...workers.map((worker) => ({
      name: `worker ${worker.index}`,
      state: phaseOf(worker),
      ...worker,
    })),
  ];
  return html`
<section>
<h2>Processes</h2>
<dl><dt>Running</dt><dd>since ${moment(startedAt, now)}</dd>
<dt>Configuration</dt><dd><code>${file ?? "unknown"}</code></dd></dl>
<table>
<caption class="unseen">The processes of this program</caption>
<thead><tr><th scope="col">Process</th><th scope="col">State</th><th scope="col">Started</th><th scope="col">PID</th></tr></thead>
${rows.map((row) => processRow(row, now))}
</table>
</section>`;
}

function phaseOf({ draining, ready }: WorkerSnapshot): string {
  if (draining) return "draining";
  return ready ? "serving" : "starting";
}

interface ProcessRow {
  readonly name: string;
  readonly state: string;
  readonly startedAt: string;
  readonly pid: number;
}

function processRow({ name, state, startedAt, pid }: ProcessRow, now: number): Html {
  const level = state === "draining" || state === "starting" ? "busy" : "good";
  return html`<tbody class="${level}"><tr><th scope="row">${name}</th>${cell("State", badge(level, state))}${cell("Started", moment(startedAt, now))}${cell("PID", pid)}</tr></tbody>
`;
}
