import { createHmac, randomBytes } from "node:crypto";
import { limits } from "../config/limits.ts";
import type { Fields } from "./fields.ts";

/** 64 bits as hex digits: nobody guesses it, and it does not say what it is of. */
const ID_DIGITS = 16;

/**
 * Knows requests that run in a circle: each one that goes on says in CDN-Loop (RFC 8586) that it has been
 * here, and one that has been here too often came back by what it was forwarded to (RFC 9110 §7.6). What
 * others say in that field is left as it is.
 */
export class Loops {
  #id = randomBytes(ID_DIGITS / 2).toString("hex");
  #line = lineOf(this.#id);

  /** The field line of every request that goes on. */
  get line(): string {
    return this.#line;
  }

  /** Takes the id that all workers make of `secret`: a circle may lead through any of them. */
  share(secret: string): void {
    const hash = createHmac("sha256", Buffer.from(secret, "base64")).update("CDN-Loop");
    this.#id = hash.digest("hex").slice(0, ID_DIGITS);
    this.#line = lineOf(this.#id);
  }

  /** Has a request with these fields been here so often that it will be again? */
  isLoop(fields: Fields): boolean {
    let at = fields.names.indexOf("cdn-loop");
    for (let passages = 0; at !== -1; at = fields.names.indexOf("cdn-loop", at + 1)) {
      passages += fields.value(at).split(this.#id).length - 1;
      if (passages >= limits.passagesMax) return true;
    }
    return false;
  }
}

function lineOf(id: string): string {
  return `CDN-Loop: ${id}\r\n`;
}
