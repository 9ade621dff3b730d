import { dirname, join, resolve } from "node:path";
import type { Source } from "./config.ts";
import { type Document, isMapping, placeAt } from "./document.ts";
import type { Path } from "./faults.ts";
import { limits } from "./limits.ts";
import { readInclude } from "./locations.ts";
import { suggestion } from "./nearest.ts";
import type { Reading } from "./reading.ts";
import type { Surroundings } from "./surroundings.ts";
import { readYaml } from "./yaml.ts";

/** One file of a configuration. */
export interface Sheet {
  /** As faults name it: beside the first one as the user named that. */
  readonly file: string;
  readonly document: Document;
  readonly source: Source;
}

/** What is wrong with a file that is included, or with how it is. */
export interface SheetFault {
  readonly sheet: Sheet;
  readonly path: Path;
  readonly message: string;
  readonly part: "key" | "value";
  /** `missing`: the file cannot be read, which is no fault for commands that only find their program. */
  readonly kind: "fault" | "missing" | "warning";
}

/** What a key of ours looks like. */
const SHOWN_KEY = /^[A-Za-z]{1,32}$/;

/** In an included file: what is no key may be a line of something else, which nobody is to read in the log. */
export function shownPath(path: Path): Path {
  const [first] = path;
  return typeof first === "string" && SHOWN_KEY.test(first) ? path : [];
}

/** The file that the user names, and those that it includes, which hold more hosts. */
export class Sheets {
  readonly main: Sheet;
  readonly included: readonly Sheet[];
  readonly faults: readonly SheetFault[];
  /** The settings of the first file, and the hosts of all. */
  readonly root: unknown;
  readonly #ofHost = new Map<string, Sheet>();

  private constructor(main: Sheet, included: readonly Sheet[], faults: readonly SheetFault[]) {
    this.main = main;
    this.included = included;
    const told = [...faults];
    this.root = this.#joined(told);
    this.faults = told;
  }

  /** Reads what `text`, the first file, includes. Never throws for what files hold. */
  static read(
    text: string,
    surroundings: Pick<Surroundings, "file" | "files" | "stamp" | "isAlone">,
  ): Sheets {
    const { file, stamp = "", isAlone = false } = surroundings;
    const source = { file: resolve(file), stamp };
    const main = { file, document: readYaml(withoutMark(text)), source };
    const nothing = { included: [], faults: [] };
    const { included, faults } = isAlone ? nothing : readIncluded(main, surroundings);
    return new Sheets(main, included, faults);
  }

  get all(): readonly Sheet[] {
    return [this.main, ...this.included];
  }

  /** Is too little known to say anything of what there is? */
  get isBroken(): boolean {
    const isFaulty = this.faults.some(({ kind }) => kind !== "warning");
    const hasHosts = isMapping(this.root) && Reflect.has(this.root, "hosts");
    return this.all.some(({ document }) => document.isBroken) || (isFaulty && !hasHosts);
  }

  /** The file in which the value at `path` stands, if it stands in one. */
  of(path: Path): Sheet {
    const [first, host] = path;
    const sheet = first === "hosts" ? this.#ofHost.get(String(host)) : undefined;
    return sheet ?? this.main;
  }

  /** `on line 3`, or `on line 3 of sites/shop.yaml` for who reads another file. */
  whereIs(path: Path, reader: Path): string {
    const sheet = this.of(path);
    const { line } = placeAt(sheet.document, path, "key");
    return sheet === this.of(reader) ? `on line ${line}` : `on line ${line} of ${sheet.file}`;
  }

  #joined(faults: SheetFault[]): unknown {
    const { root } = this.main.document;
    const hosts = this.included.flatMap((sheet) => {
      const entries = hostsOf(sheet, faults);
      return entries.map(([host, value]) => ({ host, value, sheet }));
    });
    if (hosts.length === 0 || !isMapping(root)) return root;
    const own: unknown = Reflect.get(root, "hosts") ?? {};
    if (!isMapping(own)) return root;
    const joined = new Map<string, unknown>(Object.entries(own));
    for (const { host, value, sheet } of hosts) {
      if (joined.has(host)) {
        const first = this.#ofHost.get(host) ?? this.main;
        const path = ["hosts", host];
        const { line } = placeAt(first.document, path, "key");
        const message = `stands on line ${line} of ${first.file} already, wanted each host once`;
        faults.push({ sheet, path, message, part: "key", kind: "fault" });
        continue;
      }
      joined.set(host, value);
      this.#ofHost.set(host, sheet);
    }
    return { ...root, hosts: Object.fromEntries(joined) };
  }
}

/** The entries of a file that is included; whatever else stands in it is told. */
function hostsOf(sheet: Sheet, faults: SheetFault[]): readonly (readonly [string, unknown])[] {
  const { root, isBroken } = sheet.document;
  if (isBroken || root === null || root === undefined) return [];
  const tell = (path: Path, message: string, part: "key" | "value") =>
    faults.push({ sheet, path, message, part, kind: "fault" });
  if (!isMapping(root)) {
    tell([], "is not a mapping, wanted `hosts:` and what is under it", "value");
    return [];
  }
  for (const key of Object.keys(root).filter((name) => name !== "hosts")) {
    const what = SHOWN_KEY.test(key) ? "is" : "holds what is";
    const message = `${what} not read in an included file, wanted \`hosts:\` alone${suggestion(key, ["hosts"])}`;
    tell(shownPath([key]), message, "key");
  }
  const hosts: unknown = Reflect.get(root, "hosts") ?? {};
  if (isMapping(hosts)) return Object.entries(hosts);
  tell(["hosts"], "is not a mapping, wanted hosts such as { store.shop.example: 3001 }", "value");
  return [];
}

/** A file that `include` leads to, and where that is said. */
interface Lead {
  readonly path: Path;
  readonly pattern: string;
  /** Absolute. */
  readonly name: string;
}

type Tell = (path: Path, message: string, kind: SheetFault["kind"]) => void;

function readIncluded(
  main: Sheet,
  { file, files }: Pick<Surroundings, "file" | "files">,
): { readonly included: readonly Sheet[]; readonly faults: readonly SheetFault[] } {
  const included: Sheet[] = [];
  const faults: SheetFault[] = [];
  const tell: Tell = (path, message, kind) =>
    faults.push({ sheet: main, path, message, part: "value", kind });
  let bytes = 0;
  for (const { path, pattern, name } of leadsOf(main, files, tell)) {
    const shown = shownName(file, pattern, name);
    const source = { file: name, stamp: files.stamp(name) }; // before it is read: what changes then is seen
    const text = readUtf8(files.read(name, limits.configMaxBytes - bytes));
    if (!text.ok) {
      tell(path, `leads to ${shown}, which ${text.why}`, "missing");
      continue;
    }
    bytes += Buffer.byteLength(text.value);
    included.push({ file: shown, document: readYaml(withoutMark(text.value)), source });
  }
  return { included, faults };
}

/** Each file once, in the order of `include`, and of names where a `*` finds several; not the first file itself. */
function leadsOf(
  { source, document }: Sheet,
  files: Surroundings["files"],
  tell: Tell,
): readonly Lead[] {
  const leads = new Map<string, Lead>();
  for (const { pattern, path } of patternsOf(document.root)) {
    const found = files.match(resolve(dirname(source.file), pattern));
    if (!found.ok) {
      tell(path, found.why, "missing");
      continue;
    }
    const names = found.value.filter((name) => name !== source.file && !leads.has(name));
    if (found.value.length === 0)
      tell(path, "leads to no file, wanted one such as sites/shop.yaml", "warning");
    for (const name of names) leads.set(name, { path, pattern, name });
    if (leads.size <= limits.includedFilesMax) continue;
    tell(path, `leads to more than ${limits.includedFilesMax} files, wanted fewer`, "fault");
    return [];
  }
  return [...leads.values()];
}

/** What stands under `include`, as far as it is right: the rest is told with the settings. */
function patternsOf(root: unknown): readonly { readonly pattern: string; readonly path: Path }[] {
  const written: unknown = isMapping(root) ? Reflect.get(root, "include") : undefined;
  const leads: readonly unknown[] = Array.isArray(written) ? written : [written];
  return leads.flatMap((pattern, index) => {
    if (typeof pattern !== "string" || !readInclude(pattern).ok) return [];
    return [{ pattern, path: leads === written ? ["include", index] : ["include"] }];
  });
}

/** Beside the first file as the user named it. */
function shownName(file: string, pattern: string, name: string): string {
  if (pattern.startsWith("/")) return name;
  const folder = resolve(dirname(file));
  return name.startsWith(`${folder}/`) ? join(dirname(file), name.slice(folder.length + 1)) : name;
}

function readUtf8(text: Reading<string>): Reading<string> {
  const isOther = text.ok && text.value.includes("\ufffd");
  return isOther ? { ok: false, why: "is not UTF-8, wanted text in UTF-8" } : text;
}

/** Some editors begin a file with a byte order mark. */
function withoutMark(text: string): string {
  return text.replace(/^\ufeff/, "");
}
