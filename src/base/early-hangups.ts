let isAsked = false;

function note(): void {
  isAsked = true;
}

/**
 * To be called first thing by a program that SIGHUP has read its file again: until it can, the signal ends nothing and
 * is remembered.
 */
export function holdHangups(): void {
  process.on("SIGHUP", note);
}

/** To be called once a listener of one's own hears the signal: did it come meanwhile? */
export function releaseHangups(): boolean {
  process.off("SIGHUP", note);
  return isAsked;
}
