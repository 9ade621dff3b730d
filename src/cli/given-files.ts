import type { CertificateRecord } from "../base/certificate-record.ts";
import { LatchkeyError } from "../base/errors.ts";
import { manualRecords } from "../certificate/manual.ts";
import type { Config } from "../config/config.ts";

/**
 * The certificates given by hand, through the reloads of a program: files that could be used once are not given
 * up for broken ones. Those that never could keep no reload from being followed, as they keep no program from
 * starting.
 */
export class GivenFiles {
  /** Hosts whose files could be used. */
  #usable: ReadonlySet<string> = new Set();

  /** Looks at the files of the first configuration. */
  async begin(config: Config): Promise<void> {
    this.#remember(await manualRecords(config, Date.now()));
  }

  /**
   * Looks at the files of the next configuration; they count from now on.
   *
   * @throws {LatchkeyError} `CERTIFICATE_INVALID` when those of a host were good before, and are not now.
   */
  async follow(config: Config): Promise<void> {
    const records = await manualRecords(config, Date.now());
    const spoilt = [...records].flatMap(([host, { lastError }]) =>
      lastError && this.#usable.has(host) ? [`${host}: ${lastError.detail}`] : [],
    );
    if (spoilt.length > 0) {
      const which = spoilt.join("; ");
      throw new LatchkeyError(
        "CERTIFICATE_INVALID",
        `Cannot use the certificate files of ${which}; the ones of before are served`,
      );
    }
    this.#remember(records);
  }

  #remember(records: ReadonlyMap<string, CertificateRecord>): void {
    this.#usable = new Set(
      [...records].flatMap(([host, { lastError }]) => (lastError ? [] : host)),
    );
  }
}
