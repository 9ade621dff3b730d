import { createReadStream } from "node:fs";
import { buffer } from "node:stream/consumers";
import { LatchkeyError, messageOf } from "../base/errors.ts";
import { readSecret } from "../config/secret.ts";
import { askUnseen } from "./ask-unseen.ts";

/** Nobody has a longer one. */
const MAX_BYTES = 4_096;

/**
 * The passphrase of a backup: of `env:NAME` or `file:PATH`, else asked for on the terminal, without
 * showing it; twice where a slip would lock the keys away.
 *
 * @param spec As written behind `--passphrase`.
 * @throws {LatchkeyError} `PASSPHRASE_UNUSABLE`.
 */
export async function readPassphrase(spec: string | undefined, isNew: boolean): Promise<string> {
  const passphrase = spec === undefined ? await ask(isNew) : await find(spec);
  if (passphrase === "") throw unusable("it is empty");
  return passphrase;
}

async function find(spec: string): Promise<string> {
  const secret = readSecret(spec);
  if (!secret.ok) throw unusable(secret.why);
  switch (secret.value.kind) {
    case "environment": {
      const { name } = secret.value;
      const value = process.env[name];
      if (value === undefined) throw unusable(`${name} is not set`);
      return value;
    }
    case "file":
      return await readFirst(secret.value.path);
    case "literal":
      throw unusable("everybody on this machine can see it there, wanted env:NAME or file:PATH");
  }
}

/** A pipe is as good as a file: `file:<(pass show latchkey)`. */
async function readFirst(path: string): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = await buffer(createReadStream(path, { end: MAX_BYTES }));
  } catch (cause) {
    throw unusable(messageOf(cause));
  }
  if (bytes.length > MAX_BYTES) throw unusable(`${path} is larger than 4 KiB`);
  return bytes.toString("utf8").replace(/\r?\n$/, "");
}

async function ask(isNew: boolean): Promise<string> {
  if (!process.stdin.isTTY) throw unusable("there is no terminal to ask on, wanted --passphrase");
  const passphrase = await askUnseen("Passphrase: ");
  if (isNew && (await askUnseen("The same again: ")) !== passphrase)
    throw unusable("the two are not the same");
  return passphrase;
}

function unusable(why: string): LatchkeyError {
  return new LatchkeyError("PASSPHRASE_UNUSABLE", `Cannot use the passphrase: ${why}`);
}
