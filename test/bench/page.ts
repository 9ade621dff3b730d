import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import type { Maker } from "./contenders/contender.ts";

/** How the figures of a table came about. */
export interface Run {
  readonly date: Date;
  readonly rounds: number;
  readonly seconds: number;
  /** The rows that were asked for; all of them when it is not said. */
  readonly only: string | undefined;
  readonly isQuick: boolean;
  readonly makers: readonly Maker[];
}

const PAGE = join(import.meta.dirname, "README.md");
/** What everybody reads: a few rows of it. */
const FRONT_PAGE = join(import.meta.dirname, "../../README.md");
const BEGIN = "<!-- figures: begin -->\n";
const END = "<!-- figures: end -->\n";

/** The line below a table: command, date, machine, versions. */
export function describeRun({ date, rounds, seconds, only, isQuick, makers }: Run): string {
  const flags = [
    ...(only === undefined ? [] : [`--only ${only}`]),
    ...(isQuick ? ["--quick"] : []),
    `--rounds ${rounds} --seconds ${seconds}`,
  ];
  const command = `npm run bench -- ${flags.join(" ")}`;
  const machine = `${cpus().length} × ${cpus()[0]?.model.trim()}`;
  const versions = makers.map(({ name, version }) => `${name} ${versionOf(version)}`);
  const all = [...versions, `Node.js ${process.versions.node}`].join(", ");
  return `\`${command}\`, ${date.toISOString().slice(0, 10)}, ${machine}; ${all}`;
}

/** Puts a table into the page beside this file, and a short one into the first page, in the places of those before. */
export function writePages(text: string, brief: string): void {
  putInto(PAGE, text);
  putInto(FRONT_PAGE, brief);
}

function putInto(file: string, text: string): void {
  const page = readFileSync(file, "utf8");
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (from < 0 || to < from) throw new Error(`Cannot write ${file}: it has no place for figures`);
  writeFileSync(file, `${page.slice(0, from + BEGIN.length)}\n${text}\n${page.slice(to)}`);
}

/** The first number with dots in it that a program says of itself. */
function versionOf([program, ...args]: Maker["version"]): string {
  const env = { ...process.env, PATH: `${process.env["PATH"]}:/usr/sbin` };
  const { stdout, stderr } = spawnSync(program, args, { encoding: "utf8", env });
  return /\d+(?:\.\d+)+/.exec(stdout + stderr)?.[0] ?? "of unknown version";
}
