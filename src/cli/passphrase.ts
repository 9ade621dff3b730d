import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { LatchkeyError, messageOf } from "../base/errors.ts";
import { readSecret } from "../config/secret.ts";

/**
 * The passphrase of a backup: of `env:NAME` or `file:PATH`, else asked for on the terminal, without
 * showing it; twice where a slip would lock the keys away.
 *
 * @param spec As written behind `--passphrase`.
 * @throws {LatchkeyError} `USAGE`.
 */
export async function readPassphrase(spec: string | undefined, isNew: boolean): Promise<string> {
  const passphrase = spec === undefined ? await ask(isNew) : await find(spec);
  if (passphrase === "") throw usage("it is empty");
  return passphrase;
}

async function find(spec: string): Promise<string> {
  const secret = readSecret(spec);
  if (!secret.ok) throw usage(secret.why);
  switch (secret.value.kind) {
    case "environment": {
      const { name } = secret.value;
      const value = process.env[name];
      if (value === undefined) throw usage(`${name} is not set`);
      return value;
    }
    case "file":
      return await readFirst(secret.value.path);
    case "literal":
      throw usage("everybody on this machine can see it there, wanted env:NAME or file:PATH");
  }
}

async function readFirst(path: string): Promise<string> {
  try {
    return (await readFile(path, "utf8")).replace(/\r?\n$/, "");
  } catch (cause) {
    throw usage(messageOf(cause));
  }
}

async function ask(isNew: boolean): Promise<string> {
  if (!process.stdin.isTTY) throw usage("there is no terminal to ask on, wanted --passphrase");
  const passphrase = await askOnce("Passphrase: ");
  if (isNew && (await askOnce("The same again: ")) !== passphrase)
    throw usage("the two are not the same");
  return passphrase;
}

async function askOnce(question: string): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  process.stderr.write(question);
  try {
    return await terminal.question("");
  } finally {
    terminal.close();
    process.stderr.write("\n");
  }
}

function usage(why: string): LatchkeyError {
  return new LatchkeyError("USAGE", `Cannot use the passphrase: ${why}`);
}
