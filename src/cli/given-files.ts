import { LatchkeyError } from "../base/errors.ts";
import { formatTime } from "../base/format-time.ts";
import { pairKey } from "../base/given-credential.ts";
import { flawsOf, isFault } from "../certificate/flaw.ts";
import { type Pair, readGiven } from "../certificate/manual.ts";
import type { Config } from "../config/config.ts";

/**
 * The certificates given by hand, through the reloads of a program: files that were right once are not given
 * up for wrong ones, be they broken or for other hosts. Those that never were keep no reload from being followed,
 * as they keep no program from starting; nor does a certificate whose time is over.
 */
export class GivenFiles {
  /** Of every host with files of its own, as they were last followed. */
  #followed: ReadonlyMap<string, Looked> = new Map();

  /** Looks at the files of the first configuration. */
  async begin(config: Config): Promise<void> {
    this.#followed = await lookAt(config);
  }

  /**
   * Looks at the files of the next configuration; they count from now on.
   *
   * @returns A line for each pair of files that holds another certificate than before, and what is wrong with those
   *   that never were right, a line for each host.
   * @throws {LatchkeyError} `CERTIFICATE_INVALID` when those of a host were right before, and are not now.
   */
  async follow(config: Config): Promise<readonly string[]> {
    const looked = await lookAt(config);
    const wrong = [...looked].flatMap(([host, { why }]) =>
      why === undefined ? [] : { host, why },
    );
    const before = this.#followed;
    const spoilt = wrong.filter(({ host }) => isRight(before.get(host)));
    if (spoilt.length > 0) {
      const which = spoilt.map(({ host, why }) => `${host}: ${why}`).join("; ");
      throw new LatchkeyError(
        "CERTIFICATE_INVALID",
        `Cannot use the certificate files of ${which}; the ones of before are served`,
      );
    }
    this.#followed = looked;
    return [
      ...changesOf(before, looked),
      ...wrong.map(({ host, why }) => `! ${host}  its certificate given by hand: ${why}`),
    ];
  }
}

/** What the files of a host held when somebody looked. */
interface Looked {
  /** Why they are wrong; `undefined`: they are right. */
  readonly why: string | undefined;
  /** The certificate that is served; `undefined`: none. */
  readonly certificate: Extract<Pair, { kind: "usable" }> | undefined;
  /** Which files: hosts may share some. */
  readonly id: string;
}

function isRight(looked: Looked | undefined): boolean {
  return looked !== undefined && looked.why === undefined;
}

async function lookAt(config: Config): Promise<ReadonlyMap<string, Looked>> {
  const now = Date.now();
  const given = await readGiven(config, now);
  return new Map(
    [...given].map(([host, each]) => {
      const why = flawsOf(each, { ...config.alerts, now }).find(isFault)?.detail;
      const certificate = each.pair.kind === "usable" ? each.pair : undefined;
      return [host, { why, certificate, id: pairKey(each.files) }];
    }),
  );
}

/** Hosts that had files before, and have another certificate in them now. */
function changesOf(
  before: ReadonlyMap<string, Looked>,
  now: ReadonlyMap<string, Looked>,
): readonly string[] {
  const changed = [...now].flatMap(([host, { certificate, id }]) => {
    const was = before.get(host);
    const isOther = was !== undefined && was.certificate?.serial !== certificate?.serial;
    return isOther && certificate !== undefined ? [{ host, certificate, id }] : [];
  });
  const byFiles = Map.groupBy(changed, ({ id }) => id);
  return [...byFiles.values()].flatMap((sharers) => {
    const [first] = sharers;
    if (first === undefined) return [];
    const { serial, notAfter } = first.certificate;
    const hosts = sharers.map(({ host }) => host);
    const rest = hosts.length - NAMED_MAX;
    const named = `${hosts.slice(0, NAMED_MAX).join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`;
    return [`~ ${named}  certificate given by hand: now ${serial}, until ${formatTime(notAfter)}`];
  });
}

/** Hosts in one line; hundreds may share their files. */
const NAMED_MAX = 5;
