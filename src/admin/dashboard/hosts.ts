import type { CertificateRecord, LastError } from "../../base/certificate-record.ts";
import { nameOf } from "../../config/issuers.ts";
import { limits } from "../../config/limits.ts";
import { type Html, html, NONE, type Part } from "./html.ts";
import { badge, counted, numberText, STATES, worstFirst } from "./standing.ts";
import { moment } from "./times.ts";

/** With fewer hosts than this nobody has to search. */
const FILTER_FROM = 20;
/** A host has no longer name (RFC 1035 §2.3.4). */
const QUERY_MAX_CHARACTERS = 253;

/** The part of a name that is looked for, as names are spelled; empty: all of them. */
export function readQuery(text: string): string {
  return text.slice(0, QUERY_MAX_CHARACTERS).trim().toLowerCase();
}

/** Which hosts have a row. */
export interface Choice {
  readonly query: string;
  /** How many there are, and how many of them have the query in their name. */
  readonly all: number;
  readonly found: number;
  /** Those in trouble first. */
  readonly shown: readonly CertificateRecord[];
}

/** The first few hundred of those whose name has `query` in it. */
export function chooseHosts(hosts: readonly CertificateRecord[], query: string): Choice {
  const found = query === "" ? hosts : hosts.filter(({ host }) => host.includes(query));
  const shown = worstFirst(found).slice(0, limits.dashboardRowsMax);
  return { query, all: hosts.length, found: found.length, shown };
}

/** The table of hosts, and what else there is. */
export function hostsSection(choice: Choice, now: number): Html {
  const { all, query, shown } = choice;
  const form = all > FILTER_FROM || query !== "" ? filterForm(query) : NONE;
  return html`
<section>
<h2 id="hosts">Hosts</h2>
${form}
<p>${extentOf(choice)}</p>
${shown.length === 0 ? NONE : table(shown.map((host) => hostRows(host, now)))}
</section>`;
}

function filterForm(query: string): Html {
  return html`<form method="get" action="/" role="search">
<label for="q">Hosts whose name contains</label>
<input id="q" name="q" type="search" value="${query}" maxlength="${QUERY_MAX_CHARACTERS}" autocomplete="off" spellcheck="false">
<button>Show</button>${query === "" ? NONE : html` <a href="/">all hosts</a>`}
</form>`;
}

function extentOf({ all, query, found, shown }: Choice): Html {
  if (all === 0) return html`There are none.`;
  const amount =
    query === ""
      ? html`${counted(all, "host")}`
      : html`${numberText(found)} of ${counted(all, "host")} with “${query}” in the name`;
  if (shown.length === found) return html`${amount}.`;
  const more = `${numberText(found - shown.length)} more are not shown`;
  return html`${amount}; those in trouble come first, and ${more}: filter by name, or see <a href="/status.json">status.json</a>.`;
}

function table(rows: readonly Html[]): Html {
  return html`<table class="hosts">
<caption class="unseen">Hosts and their certificates, those in trouble first</caption>
<thead><tr><th scope="col">Host</th><th scope="col">State</th><th scope="col">Expires</th><th scope="col">Next step</th><th scope="col">Certificate</th></tr></thead>
${rows}
</table>`;
}

function hostRows(record: CertificateRecord, now: number): Html {
  const { host, state, notAfter, lastError } = record;
  const { level, meaning } = STATES[state];
  const error = lastError === null ? NONE : errorRow(record, lastError, now);
  return html`<tbody class="${level}">
<tr><th scope="row" id="${rowIdOf(host)}">${host}</th>${cell(
    "State",
    html`${badge(level, state)} <small>${meaning}</small>`,
  )}${cell("Expires", notAfter === null ? "–" : moment(notAfter, now))}${cell("Next step", nextStepOf(record, now))}${cell("Certificate", certificateOf(record))}</tr>
${error}</tbody>
`;
}

/** The fragment of a URL that leads to the row of a host. */
export function rowIdOf(host: string): string {
  return `host-${host}`;
}

/** A cell that says what it is where there is no room for a head. */
export function cell(label: string, content: Part): Html {
  return html`<td data-label="${label}"><div>${content}</div></td>`;
}

function nextStepOf({ host, state, nextAttemptAt, renewAt }: CertificateRecord, now: number): Html {
  if (state === "issuing" || state === "renewing") return html`ordering now`;
  if (nextAttemptAt !== null) return html`attempt ${moment(nextAttemptAt, now)}`;
  if (renewAt !== null) return html`renewal ${moment(renewAt, now)}`;
  if (state !== "waiting") return html`–`;
  return host.includes("*") ? html`waits for visitors` : html`waits for its turn, or a visitor`;
}

function certificateOf({ issuer, serial, servedSerial }: CertificateRecord): Html {
  if (serial === null) return html`–`;
  const by = issuer === null ? NONE : html`<span title="${issuer}">${issuerName(issuer)}</span> `;
  return html`${by}<code>${serial}</code> ${servedOf(serial, servedSerial)}`;
}

/** What the last look from outside has seen. */
function servedOf(serial: string, servedSerial: string | null): Html {
  if (servedSerial === null) return html`<small>not seen from outside yet</small>`;
  if (servedSerial === serial) return html`<small>seen from outside</small>`;
  return html`<strong class="state warn">served is another: <code>${servedSerial}</code></strong>`;
}

/** As the configuration spells it, else the host of its directory. */
function issuerName(directory: string): string {
  const name = nameOf({ kind: "acme", directory });
  return name === directory ? (URL.parse(directory)?.hostname ?? directory) : name;
}

function errorRow(
  { attempts, nextAttemptAt }: CertificateRecord,
  { type, detail, hint, at }: LastError,
  now: number,
): Html {
  const next =
    nextAttemptAt === null
      ? NONE
      : html`<dt>Next attempt</dt><dd>${moment(nextAttemptAt, now)}</dd>`;
  return html`<tr class="error"><td colspan="5">
${verbatim(detail)}
${hint === "" ? NONE : html`<p class="hint">${hint}</p>`}
<dl><dt>Error</dt><dd><code>${type}</code></dd><dt>Seen</dt><dd>${moment(at, now)}</dd>
<dt>Attempts</dt><dd>${attempts}</dd>${next}</dl>
</td></tr>
`;
}

/** What somebody else has said, in their words and their direction of writing, as far as it fits. */
export function verbatim(text: string): Html {
  const { dashboardErrorMaxCharacters: max } = limits;
  const shown = text.length > max ? `${text.slice(0, max)}…` : text;
  return html`<samp dir="auto">${shown}</samp>`;
}
