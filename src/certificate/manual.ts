import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { forEachAtOnce } from "../base/at-once.ts";
import type { Credential } from "../base/credential.ts";
import { LatchkeyError, messageOf } from "../base/errors.ts";
import { pairKey, readGivenCredential } from "../base/given-credential.ts";
import type { Config, HostPattern } from "../config/config.ts";
import { formatPattern } from "../config/host-pattern.ts";
import { limits } from "../config/limits.ts";
import { lacksIssuer } from "./verify.ts";

/** No PEM file of a host is longer. */
const FILE_MAX_BYTES = 262_144;
/** Opening a pipe must not wait for whoever writes into it. */
const UNWAITED = constants.O_RDONLY | constants.O_NONBLOCK;
/** How errors about a pair begin; here the cause alone is wanted, for sentences of others. */
const SENTENCE = /^Cannot use the certificate: /;

/** The files given by hand for a host; absolute paths. */
export interface Files {
  readonly chain: string;
  readonly key: string;
}

/** A host with files given by hand, and what they held when they were read. */
export interface Given {
  /** The host as the configuration spells it, normalised. */
  readonly host: string;
  readonly pattern: HostPattern;
  readonly files: Files;
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
      readonly part: keyof Files;
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
  files: Files,
): Promise<{ readonly pair: Pair; readonly pem: Files | undefined }> {
  const chain = await readPem(files.chain);
  if (!chain.ok) return unusable("chain", chain.why);
  const key = await readPem(files.key);
  if (!key.ok) return unusable("key", key.why);
  try {
    const { serial, notBefore, notAfter, names } = readGivenCredential(chain.text, key.text);
    const isCut = lacksIssuer(chain.text);
    const pair = { kind: "usable", serial, notBefore, notAfter, names, isCut } as const;
    return { pair, pem: { chain: chain.text, key: key.text } };
  } catch (error) {
    const isOfKey = error instanceof LatchkeyError && error.facts["part"] === "key";
    return unusable(isOfKey ? "key" : "chain", messageOf(error).replace(SENTENCE, ""));
  }
}

function unusable(part: keyof Files, why: string) {
  return { pair: { kind: "unusable", part, why }, pem: undefined } as const;
}

type Text =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly why: string };

async function readPem(path: string): Promise<Text> {
  try {
    await using file = await open(path, UNWAITED);
    const facts = await file.stat();
    if (!facts.isFile()) return { ok: false, why: "it is not a file" };
    const { size } = facts;
    if (size > FILE_MAX_BYTES) return { ok: false, why: "the file is larger than 256 KiB" };
    const buffer = Buffer.alloc(size);
    const { bytesRead } = await file.read(buffer, 0, size, 0);
    return { ok: true, text: buffer.toString("utf8", 0, bytesRead) };
  } catch (error) {
    return { ok: false, why: messageOf(error) };
  }
}
