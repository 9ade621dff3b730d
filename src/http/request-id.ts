import { randomFillSync } from "node:crypto";
import { limits } from "../config/limits.ts";
import type { Fields } from "./fields.ts";

const SANE_REQUEST_ID = new RegExp(`^[A-Za-z0-9._-]{1,${limits.requestIdMaxCharacters}}$`);
/** Of an id of ours: 128 bits, as hex digits. */
const ID_DIGITS = 32;
/** Random bytes are cheaper by the many. */
const IDS_AT_ONCE = 128;

const random = Buffer.allocUnsafeSlow((IDS_AT_ONCE * ID_DIGITS) / 2);
let digits = "";
let used = 0;

/** The client's X-Request-Id if there is one and it is harmless wherever it ends up, else a new one. */
export function requestIdOf(fields: Fields): string {
  const index = fields.names.indexOf("x-request-id");
  if (index === -1 || fields.names.indexOf("x-request-id", index + 1) !== -1) return newId();
  const value = fields.value(index);
  return SANE_REQUEST_ID.test(value) ? value : newId();
}

/** Nobody can guess it. */
function newId(): string {
  if (used === digits.length) {
    digits = randomFillSync(random).toString("hex");
    used = 0;
  }
  used += ID_DIGITS;
  return digits.slice(used - ID_DIGITS, used);
}
