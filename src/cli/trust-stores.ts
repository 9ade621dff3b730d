import { existsSync, readdirSync } from "node:fs";
import { chmod, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { messageOf } from "../base/errors.ts";
import { whyNotStarted } from "../base/find-program.ts";
import { runProgram } from "../base/run-program.ts";

/** A place where programs look for roots. */
export interface TrustStore {
  /** For people: `this machine (/usr/local/share/ca-certificates)`. */
  readonly name: string;
  /** Puts the root of this PEM in, in the place of one of ours that is there. Rejects with why not. */
  trust(pem: string): Promise<void>;
  /** Takes ours out. @returns Was there one? */
  untrust(): Promise<boolean>;
}

/** How distributions have it: a folder for roots of the machine's owner, and the program that makes bundles of them. */
const SYSTEMS = [
  // Debian, Ubuntu, Alpine; then Fedora and its kin, openSUSE, Arch.
  {
    folder: "/usr/local/share/ca-certificates",
    file: "latchkey.crt",
    add: ["update-ca-certificates"],
    remove: ["update-ca-certificates", "--fresh"],
  },
  ...["/etc/pki/ca-trust/source/anchors", "/etc/ca-certificates/trust-source/anchors"].map(
    (folder) => ({
      ...{ folder, file: "latchkey.pem" },
      ...{ add: ["update-ca-trust", "extract"], remove: ["update-ca-trust", "extract"] },
    }),
  ),
  {
    folder: "/etc/pki/trust/anchors",
    file: "latchkey.pem",
    ...{ add: ["update-ca-certificates"], remove: ["update-ca-certificates"] },
  },
] as const;

/** By this name Chromium and Firefox show it. */
const NICKNAME = "Latchkey internal authority";
/** A root is no secret, and whoever verifies must see it. */
const EVERYBODY_READS = 0o644;
/** Bundles of some hundred roots are made anew in a second or two. */
const TIMEOUT_MS = 60_000;

/** The store of this machine, and those of the browsers of this user, as far as there are any. */
export async function trustStores(): Promise<readonly TrustStore[]> {
  const system = await systemHere();
  const browsers = (await whyNotStarted("certutil")) === undefined ? browserFolders() : [];
  return [...(system === undefined ? [] : [systemStore(system)]), ...browsers.map(browserStore)];
}

/** The folder may be there without its program, and the program out of sight of who is not root. */
async function systemHere(): Promise<(typeof SYSTEMS)[number] | undefined> {
  const there = SYSTEMS.filter(({ folder }) => existsSync(folder));
  for (const system of there) if ((await whyNotStarted(system.add[0])) === undefined) return system;
  return there[0];
}

/** Are there browsers whose stores nothing here can write? */
export async function lacksCertutil(): Promise<boolean> {
  return browserFolders().length > 0 && (await whyNotStarted("certutil")) !== undefined;
}

function systemStore({ folder, file, add, remove }: (typeof SYSTEMS)[number]): TrustStore {
  const path = join(folder, file);
  return {
    name: `this machine (${path})`,
    trust: async (pem) => {
      await writeFile(`${path}.new`, pem);
      await chmod(`${path}.new`, EVERYBODY_READS);
      await rename(`${path}.new`, path);
      await runQuietly(add);
    },
    untrust: async () => {
      const isThere = existsSync(path);
      await rm(path, { force: true });
      await runQuietly(remove); // also when the file is gone: what was made of it may not be
      return isThere;
    },
  };
}

function browserStore(folder: string): TrustStore {
  const database = ["-d", `sql:${folder}`];
  const remove = async () => {
    try {
      await runQuietly(["certutil", "-D", ...database, "-n", NICKNAME]);
      return true;
    } catch (error) {
      if (messageOf(error).includes("could not find certificate")) return false;
      throw error;
    }
  };
  return {
    name: `browsers (${folder})`,
    trust: async (pem) => {
      await remove();
      // A database without a password, as browsers make it, asks for none.
      const words = ["-A", ...database, "-t", "C,,", "-n", NICKNAME];
      await runQuietly(["certutil", ...words], pem);
    },
    untrust: remove,
  };
}

/** Of Chromium and of each profile of Firefox, where they have been started once. */
function browserFolders(): readonly string[] {
  const home = homedir();
  const profiles = [".mozilla/firefox", "snap/firefox/common/.mozilla/firefox"].flatMap((folder) =>
    namesIn(join(home, folder)).map((name) => join(home, folder, name)),
  );
  const folders = [
    join(home, ".pki/nssdb"),
    join(home, "snap/chromium/current/.pki/nssdb"),
    ...profiles,
  ];
  return folders.filter((folder) => existsSync(join(folder, "cert9.db")));
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

async function runQuietly(command: readonly string[], input = ""): Promise<void> {
  const plan = { command, environment: {}, input, timeoutMs: TIMEOUT_MS };
  await runProgram(plan, new AbortController().signal);
}
