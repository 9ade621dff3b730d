import { readPathRedirect, readRespond } from "./answer.ts";
import type { PathAnswer } from "./destination.ts";
import type { Path } from "./faults.ts";
import type { HostPlace } from "./host-place.ts";
import { inheritRules, type OwnRules, readOwnRules, settleRules } from "./host-rules.ts";
import type { WrittenHost, WrittenPath } from "./host-schema.ts";
import { whyNotOfPath } from "./rule-values.ts";
import type { Entrance, Match } from "./rules.ts";
import { ruleNames, type WrittenMatch } from "./rules-schema.ts";

/** One entry of `paths`, and where it stands. */
export interface PathPlace {
  readonly prefix: string;
  readonly written: WrittenPath;
  readonly path: Path;
}

/** Keys that go with an answer of ours. */
const WITH_ANSWER: readonly string[] = [
  ...ruleNames,
  ...["match", "stripPrefix", "replacePrefix", "redirect", "status", "respond", "compress", "auth"],
];

/** The entries of `paths`, those of lists one by one, in the order of the file. */
export function entriesOf(written: WrittenHost, path: Path): readonly PathPlace[] {
  return Object.entries(written.paths ?? {}).flatMap(([prefix, one]): readonly PathPlace[] => {
    const at = [...path, "paths", prefix];
    return Array.isArray(one)
      ? one.map((entry, index) => ({ prefix, written: entry, path: [...at, index] }))
      : [{ prefix, written: one, path: at }];
  });
}

/** Every request must go somewhere, only to one place, and every entry must have some. */
export function reportGaps(
  written: WrittenHost,
  entries: readonly PathPlace[],
  { path, faulty, desk }: HostPlace,
): void {
  const open = entries.filter(({ written: { match } }) => match === undefined);
  const rest = open.find(({ prefix }) => prefix === "/");
  // An entry with a fault, which is told, may be the one for the rest.
  if (written.to === undefined && rest === undefined && !faulty.has("paths"))
    desk.report([...path, "paths"], 'leaves requests over, wanted `to` beside it, or a "/"', "key");
  if (written.to !== undefined && rest !== undefined)
    desk.report(rest.path, "means the same as `to`, wanted one of the two", "key");
  for (const [index, entry] of entries.entries()) {
    const earlier = entries.slice(0, index).filter(({ prefix }) => prefix === entry.prefix);
    if (earlier.some((one) => open.includes(one)))
      desk.report(entry.path, "is never reached, wanted a `match` in the entry before it", "key");
  }
}

/** Which requests an entry takes, and what holds for them. */
export function readEntrance(
  { prefix, written, path }: PathPlace,
  host: OwnRules,
  { desk }: HostPlace,
): Entrance {
  if (written.stripPrefix === true && written.replacePrefix !== undefined)
    desk.report([...path, "stripPrefix"], "does not go with `replacePrefix`, remove it", "key");
  for (const status of Object.keys(written.errors ?? {})) {
    const why = whyNotOfPath(status);
    if (why !== undefined) desk.report([...path, "errors", status], why, "key");
  }
  return {
    prefix,
    match: written.match && readMatch(written.match),
    stripPrefix: written.stripPrefix ?? false,
    replacePrefix: written.replacePrefix,
    rules: settleRules(inheritRules(host, readOwnRules(written, path, desk))),
  };
}

/** What an entry answers itself; `undefined`: it forwards. */
export function readAnswer(entry: PathPlace, place: HostPlace): PathAnswer["answer"] | undefined {
  const { written, path } = entry;
  const { redirect, respond, to } = written;
  if (redirect === undefined && respond === undefined) {
    if (written.status !== undefined)
      place.desk.report([...path, "status"], "does not go with `to`, remove it", "key");
    return undefined;
  }
  const kind = redirect === undefined ? "respond" : "redirect";
  reportStrangers(written, kind, path, place);
  if (to !== undefined || (redirect !== undefined && respond !== undefined))
    return { kind: "respond", status: 200, headers: {}, body: "" }; // a fault is told
  return respond === undefined
    ? readPathRedirect(entry.prefix, written, place, path)
    : readRespond(respond, path, place.desk);
}

/** Keys that would be ignored. */
function reportStrangers(
  written: WrittenPath,
  kind: "redirect" | "respond",
  path: Path,
  { desk }: HostPlace,
): void {
  const others = kind === "respond" ? ["status", "stripPrefix", "replacePrefix"] : ["respond"];
  for (const [key, value] of Object.entries(written)) {
    if (value === undefined || (WITH_ANSWER.includes(key) && !others.includes(key))) continue;
    const message = `does not go with \`${kind}\`, remove it`;
    desk.report([...path, key], message, "key");
  }
}

function readMatch({ methods, headers }: WrittenMatch): Match {
  return {
    // RFC 9110 §9.3.2: HEAD is GET without the content, so both have to end in the same place.
    methods: methods?.includes("GET") === true ? [...methods, "HEAD"] : methods,
    headers:
      headers &&
      Object.entries(headers).map(([name, condition]) => ({
        name: name.toLowerCase(),
        ...condition,
      })),
  };
}
