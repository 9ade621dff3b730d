import { argon2, type BinaryLike, randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";

/** The hash of a password, as PHC strings write it. */
export interface PasswordHash {
  readonly kind: "hash";
  /** As it was written. */
  readonly text: string;
  readonly cost: Cost;
  readonly salt: Buffer;
  readonly key: Buffer;
}

/** What one verification takes: RFC 7914 §2, RFC 9106 §3.1. */
type Cost =
  | { readonly scheme: "scrypt"; readonly ln: number; readonly r: number; readonly p: number }
  /** `m` in KiB. */
  | { readonly scheme: "argon2id"; readonly m: number; readonly t: number; readonly p: number };

/** What could not be read as a hash; `why` never repeats the text, which may be a password. */
export interface NoPasswordHash {
  readonly kind: "unusable";
  readonly why: string;
}

/** What `latchkey hash-password` makes: one of the equally strong choices that OWASP names, 32 MiB. */
const OURS = { scheme: "scrypt", ln: 15, r: 8, p: 3 } as const;
const SALT_BYTES = 16;
const KEY_BYTES = 32;
/** Memory of one verification: the most that OWASP recommends for scrypt. */
const MEMORY_MAX_BYTES = 134_217_728;
/** Bytes written in one verification; below the first number a hash is guessed in no time, beyond the second one stops a core. */
const WORK_MIN_BYTES = 1_048_576;
const WORK_MAX_BYTES = 1_073_741_824;
/** Further lanes only cost: each is worked off in turn. */
const LANES_MAX = 16;
const KIB = 1_024;

const PHC =
  /^\$(scrypt|argon2id\$v=19)\$([a-z]+=[0-9]{1,7}(?:,[a-z]+=[0-9]{1,7})*)\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;
const WANTED = "wanted what `latchkey hash-password` prints";
const deriveScrypt = promisify<BinaryLike, BinaryLike, number, object, Buffer>(scrypt);
const deriveArgon2 = promisify(argon2);

/**
 * Reads `$scrypt$ln=15,r=8,p=3$salt$key` or `$argon2id$v=19$m=65536,t=3,p=4$salt$key` (the PHC string
 * format: base64 without padding, a salt of at least 8 bytes, a key of 16 to 64), within bounds of cost.
 */
export function parsePasswordHash(text: string): PasswordHash | NoPasswordHash {
  const [, scheme, parameters = "", salt = "", key = ""] = PHC.exec(text) ?? [];
  if (scheme === undefined) return unusable(whyNot(text));
  const cost = readCost(scheme, new Map(parameters.split(",").map(pair)));
  if (cost === undefined) return unusable("is a hash whose parameters are not those of its kind");
  const work = workOf(cost);
  if (work < WORK_MIN_BYTES) return unusable(`is a hash that is too cheap to guess, ${WANTED}`);
  if (memoryOf(cost) > MEMORY_MAX_BYTES || work > WORK_MAX_BYTES || cost.p > LANES_MAX)
    return unusable("is a hash that costs too much, wanted at most 128MiB, and 1GiB in all passes");
  return {
    kind: "hash",
    text,
    cost,
    salt: Buffer.from(salt, "base64"),
    key: Buffer.from(key, "base64"),
  };
}

/** Makes the hash of a new password, with a salt of its own. Takes some 100 ms of another thread. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const key = await derive(OURS, normalised(password), salt, KEY_BYTES);
  const { ln, r, p } = OURS;
  return `$scrypt$ln=${ln},r=${r},p=${p}$${unpadded(salt)}$${unpadded(key)}`;
}

/** Is this the password of the hash? Worked out in another thread, compared in constant time. */
export async function isPasswordOf(hash: PasswordHash, password: string): Promise<boolean> {
  const { cost, salt, key } = hash;
  return timingSafeEqual(await derive(cost, normalised(password), salt, key.length), key);
}

/** A hash that no password has, at the cost of the dearest among `hashes`: for names that nobody has. */
export function decoyOf(hashes: readonly PasswordHash[]): PasswordHash {
  const [first, ...others] = hashes.map(({ cost }) => cost);
  const cost = others.reduce(
    (one, other) => (workOf(other) > workOf(one) ? other : one),
    first ?? OURS,
  );
  return {
    kind: "hash",
    text: "",
    cost,
    salt: randomBytes(SALT_BYTES),
    key: randomBytes(KEY_BYTES),
  };
}

/** One form of what looks the same (RFC 8265 §4.2.1, RFC 7617 §2.1). */
function normalised(password: string): Buffer {
  return Buffer.from(password.normalize("NFC"), "utf8");
}

async function derive(
  cost: Cost,
  message: Buffer,
  nonce: Buffer,
  tagLength: number,
): Promise<Buffer> {
  if (cost.scheme === "argon2id") {
    const { m: memory, t: passes, p: parallelism } = cost;
    const parameters = { message, nonce, parallelism, tagLength, memory, passes };
    return await deriveArgon2("argon2id", parameters);
  }
  const { ln, r, p } = cost;
  const options = { N: 2 ** ln, r, p, maxmem: 2 * memoryOf(cost) };
  return await deriveScrypt(message, nonce, tagLength, options);
}

function readCost(scheme: string, written: ReadonlyMap<string, number>): Cost | undefined {
  const number = (name: string) => written.get(name) ?? 0;
  const isScrypt = scheme === "scrypt";
  const names = isScrypt ? ["ln", "r", "p"] : ["m", "t", "p"];
  if (written.size !== names.length || names.some((name) => number(name) < 1)) return undefined;
  const p = number("p");
  if (isScrypt) {
    const [ln, r] = [number("ln"), number("r")];
    return ln < 32 ? { scheme, ln, r, p } : undefined;
  }
  const [m, t] = [number("m"), number("t")];
  // RFC 9106 §3.1: at least 8 KiB for each lane.
  return m >= 8 * p ? { scheme: "argon2id", m, t, p } : undefined;
}

function memoryOf(cost: Cost): number {
  // RFC 7914 §6: the V of one block mix, and B of all.
  return cost.scheme === "scrypt" ? 128 * cost.r * (2 ** cost.ln + cost.p) : cost.m * KIB;
}

function workOf(cost: Cost): number {
  return cost.scheme === "scrypt" ? 128 * 2 ** cost.ln * cost.r * cost.p : cost.m * KIB * cost.t;
}

function pair(text: string): [string, number] {
  const [name = "", value = ""] = text.split("=");
  return [name, Number(value)];
}

function unpadded(bytes: Buffer): string {
  return bytes.toString("base64").replace(/=+$/, "");
}

/** Kinds of hashes that people bring along, by how they start. */
const OTHERS: readonly (readonly [RegExp, string])[] = [
  [/^\$2[abxy]\$/, "a bcrypt hash"],
  [/^\$argon2[id]\$/, "an argon2i or argon2d hash"],
  [/^\$(?:apr1|1|5|6|y|sha1|pbkdf2)\b/, "a crypt(3) hash"],
  [/^\{(?:SHA|SSHA|CRYPT|PLAIN)\}/i, "an LDAP hash"],
];

function whyNot(text: string): string {
  const [, other] = OTHERS.find(([start]) => start.test(text)) ?? [];
  if (other !== undefined)
    return `is ${other}, which is not supported: scrypt and argon2id are, ${WANTED}`;
  return /^\$(?:scrypt|argon2id)\$/.test(text)
    ? `is a hash that is malformed or cut, ${WANTED}`
    : `is no hash of a password, ${WANTED}`;
}

function unusable(why: string): NoPasswordHash {
  return { kind: "unusable", why };
}
