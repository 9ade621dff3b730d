import { decoyOf, type PasswordHash, parsePasswordHash } from "../base/password-hash.ts";

/** Who may in, and the hash that stands in for everybody else's. */
export interface Users {
  readonly hashes: ReadonlyMap<string, PasswordHash>;
  /** Of no password; as dear as the dearest, so that an unknown name takes as long as a known one. */
  readonly decoy: PasswordHash;
}

/**
 * The users of `auth.basic`, names in form NFC.
 *
 * @throws {TypeError} for a hash that the configuration should have refused.
 */
export function usersOf(written: Readonly<Record<string, string>>): Users {
  const hashes = new Map(
    Object.entries(written).map(([name, text]) => {
      const hash = parsePasswordHash(text);
      if (hash.kind === "unusable") throw new TypeError(`Cannot use a password: it ${hash.why}`);
      return [name.normalize("NFC"), hash] as const;
    }),
  );
  return { hashes, decoy: decoyOf([...hashes.values()]) };
}
