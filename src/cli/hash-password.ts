import { LatchkeyError } from "../base/errors.ts";
import { hashPassword } from "../base/password-hash.ts";
import { askUnseen } from "./ask-unseen.ts";
import { EXIT } from "./exit.ts";

/** Bytes of standard input that are looked at: no password is longer. */
const INPUT_MAX_BYTES = 4_096;

/**
 * Prints the hash of a password, for `auth.basic`. The password is the first line of standard input;
 * on a terminal it is asked for, twice, and not shown.
 *
 * @throws {LatchkeyError} `USAGE`.
 */
export async function printPasswordHash(): Promise<number> {
  const password = process.stdin.isTTY ? await askTwice() : await readLine();
  if (password === "") throw usage("it is empty");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
  if (/[\u0000-\u001f\u007f]/.test(password))
    throw usage("it holds a control character, which no client may send (RFC 7617 §2)");
  process.stdout.write(`${await hashPassword(password)}\n`);
  return EXIT.ok;
}

async function askTwice(): Promise<string> {
  const password = await askUnseen("Password: ");
  if ((await askUnseen("The same again: ")) !== password) throw usage("the two are not the same");
  return password;
}

async function readLine(): Promise<string> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of process.stdin) {
    pieces.push(piece);
    length += piece.length;
    if (length > INPUT_MAX_BYTES) throw usage("it is too long");
  }
  const [line = ""] = Buffer.concat(pieces).toString("utf8").split(/\r?\n/, 1);
  return line;
}

function usage(why: string): LatchkeyError {
  return new LatchkeyError("USAGE", `Cannot use the password: ${why}`);
}
