/** Security releases in TLS and HTTP/2 since then; nothing older may hold keys. */
const OLDEST = [26, 5, 1] as const;

/** Is this version of Node new enough? */
export function isNewEnough(version: string): boolean {
  const parts = version.split(".").map(Number);
  for (const [index, wanted] of OLDEST.entries()) {
    const part = parts[index] ?? 0;
    if (part !== wanted) return part > wanted;
  }
  return true;
}

/** Ends the process, in words, on a Node with known holes. */
export function refuseOldNode(version: string): void {
  if (isNewEnough(version)) return;
  process.stderr.write(
    `latchkey: Cannot run on Node.js ${version}: ${OLDEST.join(".")} or newer is needed, 26.12.1 or newer is advised\n`,
  );
  process.exit(1);
}
