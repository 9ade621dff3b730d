import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { runProgram } from "./client-program.ts";

/** Runs a line as README shows it, in the folder of the checkout, and tells what it printed. */
export async function shell(line: string): Promise<string> {
  const { code, stdout, stderr } = await runProgram("bash", ["-c", line]);
  assert.equal(code, 0, `${line}\n${stdout}${stderr}`);
  return stdout;
}

/** The lines of README that begin with `sudo`, under this heading, in their order. */
export function sudoLines(heading: string): readonly string[] {
  const [, rest = ""] = readFileSync("README.md", "utf8").split(`\n## ${heading}\n`);
  const [section = ""] = rest.split("\n## ");
  return [...section.matchAll(/^ *(sudo .*?)(?: {2,}#.*)?$/gm)].map(([, line = ""]) => line);
}

/** What systemd knows of a unit, by the names of its properties. */
export async function unit(name: string): Promise<ReadonlyMap<string, string>> {
  const shown = await shell(`systemctl show ${name}`);
  return new Map(
    shown.split("\n").map((line) => {
      const at = line.indexOf("=");
      return [line.slice(0, at), line.slice(at + 1)];
    }),
  );
}

/** Follows what a unit, and systemd about it, writes into the journal. */
export class Journal implements Disposable {
  readonly #reader: ChildProcess;
  readonly #lines: string[] = [];
  #read = 0;
  #wake: () => void = () => undefined;

  constructor(name: string) {
    this.#reader = spawn(
      "journalctl",
      ["--follow", "--lines=0", "--output=cat", `--unit=${name}`],
      {
        stdio: ["ignore", "pipe", "inherit"],
      },
    );
    const { stdout } = this.#reader;
    assert.ok(stdout !== null);
    createInterface(stdout).on("line", (line) => {
      this.#lines.push(line);
      this.#wake();
    });
  }

  /** Waits for the next line with all of these parts, after the one that was waited for before. */
  async line(...parts: readonly string[]): Promise<string> {
    for (;;) {
      const line = this.#lines[this.#read];
      if (line === undefined) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      } else {
        this.#read += 1;
        if (parts.every((part) => line.includes(part))) return line;
      }
    }
  }

  /** Every line so far. */
  get text(): string {
    return this.#lines.join("\n");
  }

  [Symbol.dispose](): void {
    this.#reader.kill();
  }
}
