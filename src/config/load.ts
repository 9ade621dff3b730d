import { availableParallelism } from "node:os";
import { dirname, resolve } from "node:path";
import { codeOf, unreachable } from "../base/errors.ts";
import { ownAddresses } from "../base/own-addresses.ts";
import { readRegularFile } from "../base/regular-file.ts";
import type { Config, Host } from "./config.ts";
import { isMapping, placeAt } from "./document.ts";
import { type Fault, formatPath, type Path, type Report, sortFaults } from "./faults.ts";
import { diskFiles } from "./files.ts";
import { formatPattern } from "./host-pattern.ts";
import { type ReadHosts, readHosts } from "./hosts.ts";
import { limits } from "./limits.ts";
import { notingFiles, reportSharedLog } from "./named-files.ts";
import { readSettings } from "./settings.ts";
import { type Sheet, type SheetFault, Sheets, shownPath } from "./sheets.ts";
import type { Desk, Surroundings } from "./surroundings.ts";

/** A configuration, or everything that is wrong with it, in the order of the file. */
export type LoadedConfig =
  | {
      readonly ok: true;
      readonly config: Config;
      /** What may be wrong and may be meant, in the order of the file. */
      readonly warnings: readonly Fault[];
      /** What somebody finds wrong with the value at `path` who looks further than the file. */
      faultAt(path: Path, message: string): Fault;
      /** Where the entry of a host stands. */
      pathOf(host: Host): Path;
    }
  | {
      readonly ok: false;
      readonly faults: readonly Fault[];
      /** What has no fault of its own, to be looked at further; no program may run with it. */
      readonly sound?: Pick<Extract<LoadedConfig, { ok: true }>, "config" | "faultAt" | "pathOf">;
    };

/**
 * Reads the configuration file at `path` and the files that it names. Never throws for what they hold.
 *
 * @param environment Where `env:NAME` looks; `undefined`: secrets are left out.
 */
export async function loadConfig(
  path: string,
  environment?: Surroundings["environment"],
): Promise<LoadedConfig> {
  const stamp = diskFiles.stamp(path); // before it is read: what changes then is seen
  const text = await readText(path);
  if (typeof text !== "string") {
    return { ok: false, faults: [{ file: path, line: 1, column: 1, path: "file", ...text }] };
  }
  return parseConfig(text, {
    file: path,
    stamp,
    files: diskFiles,
    environment,
    cores: availableParallelism(),
    addresses: ownAddresses(),
  });
}

/** What a configuration means: text → YAML, with what it includes → settings → hosts, every fault of every step together. */
export function parseConfig(text: string, surroundings: Surroundings): LoadedConfig {
  const sheets = Sheets.read(text, surroundings);
  const faults: Fault[] = sheets.all.flatMap(({ file, document }) =>
    document.problems.map(({ offset, path, message }) => {
      const shown = document === sheets.main.document ? path : shownPath(path);
      return { file, ...document.placeOf(offset), path: formatPath(shown), message };
    }),
  );
  const warnings: Fault[] = [];
  const faultIn = (
    { file, document }: Sheet,
    path: Path,
    message: string,
    part: SheetFault["part"],
  ): Fault => {
    return { file, ...placeAt(document, path, part), path: formatPath(path), message };
  };
  for (const { sheet, path, message, part, kind } of sheets.faults) {
    const fault = faultIn(sheet, path, message, part);
    if (kind === "warning") warnings.push(fault);
    else if (kind === "fault" || surroundings.environment !== undefined) faults.push(fault);
  }
  const faultAt = (path: Path, message: string, part: "key" | "value" = "value"): Fault => {
    return faultIn(sheets.of(path), path, message, part);
  };
  const tagged = new Set(sheets.all.flatMap(({ document }) => document.tagged).map(formatPath));
  // What is wrong with a value that is told already is a consequence.
  const isTold = (path: Path) =>
    tagged.size > 0 && path.some((_, at) => tagged.has(formatPath(path.slice(0, at + 1))));
  const report: Report = (path, ...found) => {
    if (!isTold(path)) faults.push(faultAt(path, ...found));
  };
  const reportUnset: Desk["reportUnset"] = (path, variable) => {
    const fault = faultAt(path, `is not set, wanted ${variable} in the environment`);
    if (!isTold(path)) faults.push({ ...fault, variable });
  };
  const warn: Report = (...found) => warnings.push(faultAt(...found));
  const desk = openDesk(sheets, surroundings, { report, reportUnset, warn });
  if (isFaultOfOthers(faults, surroundings))
    return parseConfig(text, { ...surroundings, isAlone: true });
  const config = sheets.isBroken ? undefined : readConfig(sheets, desk);
  if (config === undefined) return { ok: false, faults: sortFaults(faults) };
  const { keys, ...rest } = config;
  const pathOf = ({ pattern }: Host): Path => {
    const name = formatPattern(pattern);
    return ["hosts", keys.get(name) ?? name];
  };
  const sound = { config: rest, faultAt, pathOf };
  if (isFaultOfOthers(faults, surroundings))
    return parseConfig(text, { ...surroundings, isAlone: true });
  return faults.length === 0
    ? { ok: true, ...sound, warnings: sortFaults(warnings) }
    : { ok: false, faults: sortFaults(faults), sound };
}

/** Commands that only find their program do so by the file itself, whatever those that it includes hold. */
function isFaultOfOthers(
  faults: readonly Fault[],
  { file, environment, isAlone = false }: Surroundings,
): boolean {
  const isOfOthers = faults.length > 0 && faults.every((fault) => fault.file !== file);
  return environment === undefined && !isAlone && isOfOthers;
}

function readConfig(
  { root, all }: Sheets,
  desk: Desk,
): (Config & Pick<ReadHosts, "keys">) | undefined {
  if (root !== null && root !== undefined && !isMapping(root)) {
    desk.report([], "is not a mapping, wanted `hosts:` and what is under it");
    return undefined;
  }
  const files = notingFiles(desk.files);
  const noting = { ...desk, files };
  const settings = readSettings(root ?? {}, noting);
  const { hosts, keys } = readHosts(root ?? {}, settings, noting);
  reportSharedLog(settings, files.named, desk);
  const { onDemand: _onDemand, faulty: _faulty, ...config } = settings;
  return { ...config, sources: all.map(({ source }) => source), hosts, keys };
}

function openDesk(
  sheets: Sheets,
  surroundings: Surroundings,
  reports: Pick<Desk, "report" | "reportUnset" | "warn">,
): Desk {
  return {
    ...surroundings,
    ...reports,
    reportFile: surroundings.environment === undefined ? () => {} : reports.report,
    file: resolve(surroundings.file),
    whereIs: (path, reader) => sheets.whereIs(path, reader),
    resolve: (path) => resolve(dirname(surroundings.file), path),
    ofHost: (host) => {
      const { file } = sheets.of(["hosts", host]);
      return { resolve: (path) => resolve(dirname(file), path) };
    },
  };
}

/** The text of a file, or why there is none. */
async function readText(path: string): Promise<string | { readonly message: string }> {
  try {
    const reading = await readRegularFile(path, limits.configMaxBytes, { links: "followed" });
    switch (reading.kind) {
      case "read":
        return new TextDecoder("utf-8", { fatal: true }).decode(reading.bytes);
      case "not-a-file":
        return { message: "is not a file, wanted a configuration file" };
      case "too-large":
        return { message: "is larger than 10 MiB, wanted a configuration file" };
      default:
        return unreachable(reading);
    }
  } catch (thrown) {
    const code = codeOf(thrown);
    return code === "ERR_ENCODING_INVALID_ENCODED_DATA"
      ? { message: "is not UTF-8, wanted text in UTF-8" }
      : { message: `cannot be read (${code ?? "unknown error"}), wanted a configuration file` };
  }
}
