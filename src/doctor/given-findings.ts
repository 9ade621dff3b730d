import type { CertificateRecord } from "../base/certificate-record.ts";
import { formatTime } from "../base/format-time.ts";
import { type Flaw, type FlawJudging, flawsOf, isGrave, remedyOf } from "../certificate/flaw.ts";
import type { Given } from "../certificate/manual.ts";
import { advice, type Finding, fine, problem, quoted } from "./finding.ts";

/** A certificate may name hosts at length. */
const DETAIL_MAX_CHARACTERS = 600;

/** What is known besides the files as they are now. */
export interface GivenJudging extends FlawJudging {
  /** What the program that runs has read of them; `undefined`: none runs. */
  readonly loaded: CertificateRecord | undefined;
}

/** What the files given by hand for a host hold now, and whether the program that runs knows of it. Pure. */
export function findingsOfGiven(given: Given, judging: GivenJudging): readonly Finding[] {
  const flaws = flawsOf(given, judging).map((flaw) => findingOf(given, flaw));
  return [...(flaws.length === 0 ? [standing(given)] : flaws), ...ofLoaded(given, judging)];
}

function findingOf(given: Given, flaw: Flaw): Finding {
  const { chain, key } = given.files;
  const saw = quoted(`the certificate given by hand (${chain}, ${key}): ${flaw.detail}`, {
    maxCharacters: DETAIL_MAX_CHARACTERS,
  });
  return (isGrave(flaw) ? problem : advice)(`certificate.${flaw.kind}`, saw, remedyOf(given, flaw));
}

function standing({ pair, files }: Given): Finding {
  const until = pair.kind === "usable" ? ` until ${formatTime(pair.notAfter)}` : "";
  return fine("certificate.there", `certificate${until}, given by hand (${files.chain})`);
}

/** A file that was replaced counts from the next reload on. */
function ofLoaded({ files, pair }: Given, { loaded }: GivenJudging): readonly Finding[] {
  if (loaded === undefined) return [];
  const isServed = loaded.serial !== null;
  if (pair.kind === "unusable") {
    if (!isServed) return [];
    const saw = `what was read before is served until a restart (${nameOf(loaded)})`;
    return [fine("certificate.loaded", saw)];
  }
  if (loaded.serial === pair.serial) return [];
  const saw = isServed
    ? `${files.chain} holds another certificate than the one that is served (${nameOf(loaded)})`
    : `${files.chain} and ${files.key} could not be used when the program that runs read them: nothing is served under this name`;
  const isWell = isServed && loaded.lastError === null;
  return [(isWell ? advice : problem)("certificate.unread", saw, "Run: latchkey reload")];
}

function nameOf({ serial, notAfter }: CertificateRecord): string {
  return `serial ${serial}, until ${notAfter}`;
}
