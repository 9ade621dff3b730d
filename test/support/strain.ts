/** So much work tells how busy the machine is. */
const WORK_US = 100_000;

/**
 * How many times longer than alone work takes on this machine at this moment: 1 when nothing else
 * runs. By it a deadline that holds for an idle machine is stretched on one that is shared.
 */
export function strain(): number {
  const startedAt = performance.now();
  const before = process.cpuUsage();
  while (spentUs(before) < WORK_US); // busy on purpose
  return Math.max(1, ((performance.now() - startedAt) * 1_000) / WORK_US);
}

/** Milliseconds that `work` takes, as on a machine that has nothing else to do. */
export async function alone(work: () => Promise<unknown>): Promise<number> {
  const before = strain();
  const startedAt = performance.now();
  await work();
  const tookMs = performance.now() - startedAt;
  return tookMs / Math.max(before, strain());
}

function spentUs(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return user + system;
}
