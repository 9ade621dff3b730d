import { WINDOW_SHARE, windowShare } from "./simulated-ca.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;

/** 50 hosts: the first letter of a name says how long its certificates live. */
const LIVES = [
  { letter: "s", hosts: 6, lifeMs: 160 * HOUR },
  { letter: "m", hosts: 20, lifeMs: 45 * DAY },
  { letter: "l", hosts: 24, lifeMs: 64 * DAY },
] as const;

/** No certificate of the simulated world lives longer. */
export const LONGEST_LIFE_MS = 64 * DAY;

/** Every host of the simulated machine. */
export const HOSTS = LIVES.flatMap(({ letter, hosts }) =>
  Array.from({ length: hosts }, (_, index) => `${letter}${index + 1}.example`),
);

/** The life of a certificate for this host. */
export function lifeOf(host: string): number {
  return LIVES.find(({ letter }) => host.startsWith(letter))?.lifeMs ?? LONGEST_LIFE_MS;
}

/** Orders of all hosts: the first certificate of each, and then one in the middle of each stretch for its renewal. */
export function idealOrders(years: number, hasWindows: boolean): number {
  const share = hasWindows ? windowShare : lifetimeShare;
  return HOSTS.map(lifeOf).reduce(
    (sum, life) => sum + 1 + Math.floor((years * YEAR) / (life * share(life))),
    0,
  );
}

/** The latest moment at which the renewal of a certificate is due: the end of the CA's window, or of our own. */
export function renewedBy(
  { notBefore, notAfter }: { readonly notBefore: number; readonly notAfter: number },
  hasWindows: boolean,
): number {
  const life = notAfter - notBefore;
  if (hasWindows) return notBefore + life * (windowShare(life) + WINDOW_SHARE / 2);
  return notAfter - life * leftShare(life);
}

/** Without advice a certificate is renewed with this much of its life left, or up to a tenth of that sooner. */
function lifetimeShare(lifeMs: number): number {
  return 1 - leftShare(lifeMs) * 1.05;
}

function leftShare(lifeMs: number): number {
  return windowShare(lifeMs) === 1 / 2 ? 1 / 2 : 1 / 3;
}
