/** What is known of one backend of a host, as `status --json` shows it. */
export interface BackendRecord {
  readonly host: string;
  /** The prefix of the requests that it gets. */
  readonly path: string;
  readonly backend: string;
  /** `unchecked`: there is no `health` check; `unknown`: nobody has looked yet; `drained`: by an operator. */
  readonly state: "up" | "down" | "drained" | "unchecked" | "unknown";
  /** What the last look saw. */
  readonly why: string | null;
  /** RFC 3339, UTC. */
  readonly since: string | null;
}
