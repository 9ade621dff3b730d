import { forEachAtOnce } from "../base/at-once.ts";
import type { Credential } from "../base/credential.ts";
import { LatchkeyError, messageOf } from "../base/errors.ts";
import {
  type GivenFiles,
  pairKey,
  readGivenCredential,
  readGivenFile,
} from "../base/given-credential.ts";
import type { Config, HostPattern } from "../config/config.ts";
import { formatPattern } from "../config/host-pattern.ts";
import { limits } from "../config/limits.ts";
import { lacksIssuer } from "./verify.ts";

/** How errors about a pair begin; here the cause alone is wanted, for sentences of others. */
const SENTENCE = /^Cannot use the certificate: /;

/** A host with files given by hand, and what they held when they were read. */
export interface Given {
  /** The host as the configuration spells it, normalised. */
  readonly host: string;
  readonly pattern: HostPattern;
  readonly files: GivenFiles;
  readonly pair: Pair;
  /** Milliseconds since the epoch. */
  readonly readAt: number;
  /** What they hold since then cannot be used: the pair is what they held before, and is served. */
  readonly spoilt?: Spoilt | undefined;
}

/** What became of files that were good. */
export interface Spoilt extends Omit<Extract<Pair, { kind: "unusable" }>, "kind"> {
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** A host with files given by hand. */
export interface Owner extends Pick<Given, "host" | "pattern" | "files"> {
  /** See {@link pairKey}. */
  readonly id: string;
}

/** What a chain and a key are together. Keys are looked at and not kept. */
export type Pair =
  | ({
      readonly kind: "usable";
      /** Does the certificate stand alone, without the one that issued it? */
      readonly isCut: boolean;
    } & Pick<Credential, "serial" | "notBefore" | "notAfter" | "names">)
  | {
      readonly kind: "unusable";
      /** Which of the two files to mend. */
      readonly part: keyof GivenFiles;
      readonly why: string;
    };

/** Reads the files of every host that has some, by its pattern. Files that many hosts share are read once. */
export async function readGiven(config: Config, now: number): Promise<ReadonlyMap<string, Given>> {
  const owners = ownersOf(config);
  const pairs = new Map(owners.map(({ id, files }) => [id, files]));
  const found = new Map<string, Pair>();
  await forEachAtOnce(pairs, limits.adoptedAtOnce, async ([id, files]) => {
    found.set(id, (await readPair(files)).pair);
  });
  return new Map(
    owners.flatMap(({ id, host, pattern, files }) => {
      const pair = found.get(id);
      return pair === undefined ? [] : [[host, { host, pattern, files, pair, readAt: now }]];
    }),
  );
}

/** Every host with files given by hand. */
export function ownersOf({ hosts }: Config): readonly Owner[] {
  return hosts.flatMap(({ pattern, certificate }) => {
    if (certificate.kind !== "manual") return [];
    const files = { chain: certificate.chain, key: certificate.key };
    return [{ id: pairKey(files), host: formatPattern(pattern), pattern, files }];
  });
}

/** What two files hold now, and, of a pair that can be used, their text. Never rejects. */
export async function readPair(
  files: GivenFiles,
): Promise<{ readonly pair: Pair; readonly pem: GivenFiles | undefined }> {
  try {
    const chain = await readGivenFile(files, "chain");
    const key = await readGivenFile(files, "key");
    const { serial, notBefore, notAfter, names } = readGivenCredential(chain, key);
    const isCut = lacksIssuer(chain);
    const pair = { kind: "usable", serial, notBefore, notAfter, names, isCut } as const;
    return { pair, pem: { chain, key } };
  } catch (error) {
    const isOfKey = error instanceof LatchkeyError && error.facts["part"] === "key";
    const [part, why] = [
      isOfKey ? "key" : "chain",
      messageOf(error).replace(SENTENCE, ""),
    ] as const;
    return { pair: { kind: "unusable", part, why }, pem: undefined };
  }
}
