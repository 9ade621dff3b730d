/** What a process needs of its machine. */
export interface ProcessUse {
  /** `manager`, `worker 3`. */
  readonly process: string;
  readonly residentBytes: number;
  /** In user and system mode, since it started. */
  readonly cpuSeconds: number;
}

const MICROSECONDS = 1_000_000;

/** What this very process needs now, under the name that it is to have. */
export function processUse(name: string): ProcessUse {
  const { user, system } = process.cpuUsage();
  const cpuSeconds = (user + system) / MICROSECONDS;
  return { process: name, residentBytes: process.memoryUsage.rss(), cpuSeconds };
}
