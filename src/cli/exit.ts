/** Exit codes of every command. */
export const EXIT = {
  ok: 0,
  /** It cannot run, or a host is in trouble. */
  failed: 1,
  /** The configuration or the command line is wrong. */
  usage: 2,
} as const;
