import type { CertificateName } from "../base/certificate-name.ts";
import type { Clock } from "../base/clock.ts";
import { codeOf } from "../base/errors.ts";
import { failureFacts, type Log } from "../base/log.ts";
import type { Trouble } from "../base/trouble.ts";
import { limits } from "../config/limits.ts";
import type { Holding } from "./records.ts";

/** What the watch over deleted folders needs from its surroundings. */
export interface DeletionSteps {
  readonly storage: { readonly root: string };
  holdings(): Iterable<Holding>;
  /** The names that storage has a folder of. */
  list(): Promise<readonly CertificateName[]>;
  /** Are the files of its certificate there? */
  hasFiles(host: CertificateName): Promise<boolean>;
  /** Looks into storage for the certificate of this name; what is gone there is `unsaved` from then on. Never rejects. */
  reload(holding: Holding): Promise<unknown>;
  /** Those that were found gone when they were reloaded, for this watch or for a visitor; told once. */
  takeMissed(): readonly CertificateName[];
  /** Rejects when nothing can be written now. */
  confirmWritable(): Promise<void>;
  /** Accounts, and the files of the internal authority: those of them that are gone. */
  restoreOthers(): Promise<void>;
  /** Tries to save every certificate that is in memory only. Never rejects. */
  saveUnsaved(): Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Sees that somebody has deleted what is stored, all of it, the folder of a host or what is in it, and writes back
 * what the program has in memory: nothing is ordered for a certificate that is good, and it survives the next start.
 */
export class DeletionWatch {
  readonly #steps: DeletionSteps;
  /** When a deletion was last found, and what was gone. */
  #found: { readonly at: number; readonly hosts: readonly CertificateName[] } | undefined;
  /** How many were looked into since all of them were. */
  #lookedInto = 0;
  /** Files are missing, and the certificate is stored all the same: nothing that the next look would find better. */
  readonly #settled = new Set<CertificateName>();

  constructor(steps: DeletionSteps) {
    this.#steps = steps;
  }

  /** Looks again and again until the signal ends it. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#steps;
    while (!signal.aborted) {
      await clock.sleep(limits.deletionLookEveryMs, signal).catch(() => undefined);
      if (!signal.aborted) await this.look();
    }
  }

  /** One look, and what has to be done about it. Never rejects. */
  async look(): Promise<void> {
    const { holdings, log, storage } = this.#steps;
    const deleted = await this.#findDeleted();
    if (deleted.length > 0) {
      this.#found = { at: this.#steps.clock.now(), hosts: deleted };
      const [host] = deleted;
      log.error("storage.deleted", { path: storage.root, host, hosts: deleted.length });
    }
    const isUnsaved = [...holdings()].some(({ certificate }) => certificate?.unsaved !== undefined);
    if (isUnsaved || deleted.length > 0) await this.#writeBack();
  }

  /** That something was deleted, as long as a part of it is in memory only, and for a while after. */
  troubles(): Trouble[] {
    const { clock, holdings, storage } = this.#steps;
    if (this.#found === undefined) return [];
    const { at, hosts } = this.#found;
    const gone = new Set(hosts);
    const isUnsaved = [...holdings()].some(
      ({ host, certificate }) => gone.has(host) && certificate?.unsaved !== undefined,
    );
    const age = clock.now() - at;
    if (!isUnsaved && (age < 0 || age >= limits.deletionToldMs)) return [];
    return [
      {
        ...{ kind: "storage.deleted", host: undefined, severity: "critical" },
        message: `Certificates were deleted from the storage ${storage.root} while they were in use`,
        detail: `${hosts.length} were gone, that of ${hosts[0]} among them; ${isUnsaved ? "they live in memory only until they can be written back" : "they are written back from memory"}`,
        hint: "Find out what deletes its files, or whether its disk is mounted. A program that ends before they are written back orders them anew.",
        nextAttemptAt: undefined,
      },
    ];
  }

  async #findDeleted(): Promise<readonly CertificateName[]> {
    const { holdings, list, log, reload, takeMissed } = this.#steps;
    const suspects = [...holdings()].filter(isStored);
    try {
      const stored = new Set(await list());
      const missing = suspects.filter(({ host }) => !stored.has(host));
      const emptied = await this.#findEmptied(suspects.filter(({ host }) => stored.has(host)));
      missing.push(...emptied);
      for (const holding of missing) if (isStored(holding)) await reload(holding);
      for (const holding of emptied) if (isStored(holding)) this.#settled.add(holding.host);
      return takeMissed();
    } catch (error) {
      // What cannot be read now may be there all the same.
      log.warn("storage.unreadable", failureFacts(error));
      return [];
    }
  }

  /** Looks into some of the folders at each look, so that ten thousand of them cost no processor: into all in three looks. */
  async #findEmptied(suspects: readonly Holding[]): Promise<Holding[]> {
    const emptied: Holding[] = [];
    const share = Math.max(limits.deletionFoldersMin, Math.ceil(suspects.length / LOOKS_FOR_ALL));
    const from = this.#lookedInto < suspects.length ? this.#lookedInto : 0;
    for (const holding of suspects.slice(from, from + share)) {
      if (await this.#steps.hasFiles(holding.host)) this.#settled.delete(holding.host);
      else if (!this.#settled.has(holding.host)) emptied.push(holding);
    }
    this.#lookedInto = from + share;
    return emptied;
  }

  async #writeBack(): Promise<void> {
    const { confirmWritable, log, restoreOthers, saveUnsaved } = this.#steps;
    try {
      await confirmWritable();
      await restoreOthers();
    } catch (error) {
      // Told when it began, and a trouble as long as it lasts.
      if (codeOf(error) === undefined) log.error("storage.failed", failureFacts(error));
      return;
    }
    await saveUnsaved();
  }
}

const LOOKS_FOR_ALL = 3;

/** Is it in storage, as far as we know? An order under way looks for itself. */
function isStored({ certificate, isOrdering }: Holding): boolean {
  return certificate !== undefined && certificate.unsaved === undefined && !isOrdering;
}
