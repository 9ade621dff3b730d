import { createHash } from "node:crypto";
import { Html } from "./html.ts";
import type { Level } from "./standing.ts";

/** How often an open page is made anew. */
export const REFRESH_SECONDS = 10;

/** Contrast is 4.5:1 and more on each ground (WCAG 2.2, 1.4.3), in light and in dark. */
export const STYLE = new Html(`
:root { --ground: #fff; --text: #1c1c1e; --faint: #5c5f66; --line: #d9dade; --panel: #f5f5f7;
  --bad: #b3261e; --warn: #8a5300; --busy: #1d5fbf; --good: #1b6e3c; --none: #5c5f66; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #141416; --text: #ececee; --faint: #a5a8b0; --line: #36373c; --panel: #1e1e22;
    --bad: #ff8a80; --warn: #ffb951; --busy: #8ab8ff; --good: #7ed99b; --none: #a5a8b0; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text); font: 16px/1.45 system-ui, sans-serif; }
main { max-width: 80rem; margin: 0 auto; padding: 1.25rem; }
header { border-left: .4rem solid var(--level); padding-left: 1rem; }
h1 { margin: 0; font-size: 1.75rem; line-height: 1.2; color: var(--level); }
h2 { margin: 2rem 0 .5rem; font-size: 1.2rem; }
p { margin: .25rem 0; }
.bad { --level: var(--bad); } .warn { --level: var(--warn); } .busy { --level: var(--busy); }
.good { --level: var(--good); } .none { --level: var(--none); }
.state { color: var(--level); white-space: nowrap; }
.state code { white-space: normal; }
small, time, caption, dt { color: var(--faint); font-size: .85rem; }
small, time { display: block; font-weight: normal; white-space: nowrap; }
header time, dd time, li time { display: inline; }
code, samp { font: .85rem/1.45 ui-monospace, monospace; overflow-wrap: anywhere; }
samp { display: block; margin: .25rem 0; padding: .5rem .75rem; border-radius: .3rem; background: var(--ground);
  border: 1px solid var(--line); white-space: pre-wrap; }
.hint::before { content: "→ "; color: var(--faint); }
table { width: 100%; border-collapse: collapse; table-layout: fixed; }
.hosts th:nth-child(1) { width: 22%; } .hosts th:nth-child(2) { width: 14%; }
.hosts th:nth-child(3) { width: 15%; } .hosts th:nth-child(4) { width: 18%; }
tbody th:target { background: var(--panel); }
th, td { padding: .5rem .9rem .5rem 0; text-align: left; vertical-align: top; }
td, th { overflow-wrap: break-word; }
thead th { color: var(--faint); font-size: .85rem; font-weight: normal; }
tbody { border-top: 1px solid var(--line); }
.error td { padding: 0 0 .75rem; }
.error samp { background: var(--panel); border-left: .25rem solid var(--level); }
dl { display: flex; flex-wrap: wrap; align-items: baseline; gap: .1rem .5rem; margin: .25rem 0; }
dd { margin: 0 1rem 0 0; }
.troubles { margin: 0; padding: 0; list-style: none; }
.troubles li { margin: .5rem 0; padding: .75rem 1rem; background: var(--panel); border-left: .25rem solid var(--level); border-radius: .3rem; }
form { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem; margin: .5rem 0; }
input, button { font: inherit; color: inherit; background: var(--panel); border: 1px solid var(--faint); border-radius: .3rem; padding: .3rem .6rem; }
input { flex: 0 1 20rem; min-width: 0; }
a { color: var(--busy); }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
#lost { position: fixed; inset: auto 0 0; margin: 0; padding: .75rem 1.25rem; background: var(--bad); color: var(--ground); }
@media (max-width: 45rem) {
  main { padding: 1rem; }
  thead { display: none; }
  table, tbody, tr, th, td { display: block; }
  tbody { padding: .6rem 0; }
  th, td, .hosts th:nth-child(1) { width: auto; padding: .1rem 0; }
  dl { display: grid; grid-template-columns: 6.5rem 1fr; }
  small, time, td time { display: inline; }
  td[data-label] { display: grid; grid-template-columns: 6.5rem 1fr; gap: .5rem; align-items: baseline; padding-right: 0; }
  td[data-label]::before { content: attr(data-label); color: var(--faint); font-size: .85rem; }
}
`);

/**
 * Puts what the page shows now in the place of what it showed, unless somebody types or nobody looks. When there is
 * no answer, as during a reload, it says so and asks again, which no \`meta refresh\` does.
 */
export const SCRIPT = new Html(`
setInterval(async () => {
  if (document.hidden || document.activeElement?.id === "q") return;
  const lost = document.getElementById("lost");
  try {
    const answer = await fetch(location.href, { signal: AbortSignal.timeout(${REFRESH_SECONDS * 500}) });
    if (!answer.ok) throw new Error(answer.statusText);
    const next = new DOMParser().parseFromString(await answer.text(), "text/html");
    document.querySelector("main").replaceWith(next.querySelector("main"));
    document.querySelector("link[rel=icon]").replaceWith(next.querySelector("link[rel=icon]"));
    document.title = next.title;
    lost.hidden = true;
  } catch {
    lost.hidden = false;
  }
}, ${REFRESH_SECONDS * 1_000});
`);

/** What the page may do: nothing but what it brings along, and to ask where it came from. */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  `style-src '${sourceOf(STYLE)}'`,
  `script-src '${sourceOf(SCRIPT)}'`,
  "connect-src 'self'",
  "img-src data:",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");

const COLOURS: Readonly<Record<Level, string>> = {
  bad: "#d93025",
  warn: "#f2a100",
  busy: "#4c8df5",
  good: "#2e9e5b",
  none: "#888",
};

/** A dot in the tab, in the colour of how things stand. */
export function iconOf(level: Level): string {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><circle cx="8" cy="8" r="7" fill="${COLOURS[level]}"/></svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}

/** CSP level 3, §2.3.1: a source that is known by what it is. */
function sourceOf({ text }: Html): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}
