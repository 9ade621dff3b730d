import { LatchkeyError } from "../base/errors.ts";
import { flawsOf, isFault } from "../certificate/flaw.ts";
import { readGiven } from "../certificate/manual.ts";
import type { Config } from "../config/config.ts";

/**
 * The certificates given by hand, through the reloads of a program: files that were right once are not given
 * up for wrong ones, be they broken or for other hosts. Those that never were keep no reload from being followed,
 * as they keep no program from starting; nor does a certificate whose time is over.
 */
export class GivenFiles {
  /** Hosts whose files were right. */
  #right: ReadonlySet<string> = new Set();

  /** Looks at the files of the first configuration. */
  async begin(config: Config): Promise<void> {
    this.#right = rightOf(await lookAt(config));
  }

  /**
   * Looks at the files of the next configuration; they count from now on.
   *
   * @returns What is wrong with those that never were right, a line for each host.
   * @throws {LatchkeyError} `CERTIFICATE_INVALID` when those of a host were right before, and are not now.
   */
  async follow(config: Config): Promise<readonly string[]> {
    const looked = await lookAt(config);
    const wrong = [...looked].flatMap(([host, why]) => (why === undefined ? [] : { host, why }));
    const spoilt = wrong.filter(({ host }) => this.#right.has(host));
    if (spoilt.length > 0) {
      const which = spoilt.map(({ host, why }) => `${host}: ${why}`).join("; ");
      throw new LatchkeyError(
        "CERTIFICATE_INVALID",
        `Cannot use the certificate files of ${which}; the ones of before are served`,
      );
    }
    this.#right = rightOf(looked);
    return wrong.map(({ host, why }) => `! ${host}  its certificate given by hand: ${why}`);
  }
}

/** Why the files of each host are wrong; `undefined`: they are right. */
async function lookAt(config: Config): Promise<ReadonlyMap<string, string | undefined>> {
  const now = Date.now();
  const given = await readGiven(config, now);
  return new Map(
    [...given].map(([host, each]) => {
      const flaw = flawsOf(each, { ...config.alerts, now }).find(isFault);
      return [host, flaw?.detail];
    }),
  );
}

function rightOf(looked: ReadonlyMap<string, string | undefined>): ReadonlySet<string> {
  return new Set([...looked].flatMap(([host, why]) => (why === undefined ? [host] : [])));
}
