import { unreachable } from "../base/errors.ts";
import type { FolderSight, StorageSight } from "../storage/look.ts";
import { advice, type Finding, fine, problem } from "./finding.ts";

/** What the findings about storage depend on besides. */
export interface StorageQuestion {
  /** Does the program run? Then it holds the lease, and writes. */
  readonly isRunning: boolean;
  /** The user of this process. */
  readonly uid: number | undefined;
  /** Less free space is too little for an issuance, and less than `freeAdviceBytes` soon will be. */
  readonly freeMinBytes: number;
  readonly freeAdviceBytes: number;
}

/** Can what is issued be kept? A CA is asked for nothing while it cannot. */
export function findingsOfStorage(
  { path, folder }: StorageSight,
  question: StorageQuestion,
): readonly Finding[] {
  switch (folder.kind) {
    case "missing":
      return [missing(path, folder.why)];
    case "unusable": {
      const remedy =
        "Name another folder under storage, or move what is there away; a backup can be restored into an empty one";
      return [problem("storage.unusable", folder.why, remedy)];
    }
    case "there": {
      const findings = [
        ...ofOwner(path, folder, question),
        ...ofWriting(path, folder, question),
        ...ofPlace(path, folder),
        ...ofHolder(path, folder, question),
        ...ofQuarantine(path, folder),
      ];
      const isWell = findings.every(({ severity }) => severity === "ok");
      return isWell ? [fine("storage.usable", `${path} can be used`), ...findings] : findings;
    }
    default:
      return unreachable(folder);
  }
}

type There = Extract<FolderSight, { kind: "there" }>;

function missing(path: string, why: string | undefined): Finding {
  if (why === undefined) return fine("storage.new", `${path} will be made at the first start`);
  const remedy = "Make the folder (0700) for the user that Latchkey runs as, or correct storage";
  return problem("storage.missing", `${path} is missing, and cannot be made: ${why}`, remedy);
}

function ofOwner(
  path: string,
  { uid, mode }: There,
  { isRunning, uid: ours }: StorageQuestion,
): readonly Finding[] {
  const findings: Finding[] = [];
  if (ours !== undefined && uid !== ours && !isRunning) {
    const saw = `${path} belongs to another user (uid ${uid}), and this is uid ${ours}`;
    const remedy = `Run Latchkey, and this command, as the user ${uid}: another one is refused`;
    // Root looks at the storage of the service's user.
    findings.push((ours === 0 ? advice : problem)("storage.foreign", saw, remedy));
  }
  if ((mode & 0o077) !== 0) {
    const saw = `${path} is open to other users (mode ${mode.toString(8)}), and holds private keys`;
    findings.push(advice("storage.loose", saw, "The next start tightens it to 700"));
  }
  return findings;
}

function ofWriting(
  path: string,
  { unwritable, freeBytes }: There,
  { freeMinBytes, freeAdviceBytes }: StorageQuestion,
): readonly Finding[] {
  const remedy = "Make room, or let the folder be written into: no CA is asked before";
  if (unwritable !== undefined)
    return [
      problem("storage.unwritable", `nothing can be written into ${path}: ${unwritable}`, remedy),
    ];
  const saw = `${Math.floor(freeBytes / 1_024)} KiB are free where ${path} is`;
  if (freeBytes < freeMinBytes) return [problem("storage.full", saw, remedy)];
  return freeBytes < freeAdviceBytes ? [advice("storage.filling", saw, "Make room")] : [];
}

function ofPlace(path: string, { kept }: There): readonly Finding[] {
  switch (kept) {
    case "on disk":
      return [];
    case "in memory":
    case "in a container": {
      const saw = `${path} is kept ${kept}: a restart may lose it, and every certificate is then ordered anew`;
      const remedy =
        "Put storage on a disk or a volume, or the CA's weekly limits are soon used up";
      return [advice("storage.volatile", saw, remedy)];
    }
    case "on the network": {
      const saw = `${path} is on a network file system, whose locks and renames cannot be relied on`;
      return [advice("storage.network", saw, "Put storage on a disk of this machine")];
    }
    default:
      return unreachable(kept);
  }
}

function ofHolder(path: string, { holder }: There, { isRunning }: StorageQuestion) {
  if (holder === undefined || isRunning) return [];
  const saw = `another program (pid ${holder.pid} on ${holder.host}) holds the lease on ${path}, and does not answer on this configuration's admin socket`;
  const remedy =
    "Use the configuration that it runs with, or give this one a storage of its own: one program writes into a storage at a time";
  return [problem("storage.locked", saw, remedy)];
}

function ofQuarantine(path: string, { quarantined }: There): readonly Finding[] {
  if (quarantined === 0) return [];
  const saw = `${path}/quarantine holds what was moved aside, unreadable or revoked (entries: ${quarantined})`;
  return [
    advice("storage.quarantine", saw, "Look whether anything of it is needed, then remove it"),
  ];
}
