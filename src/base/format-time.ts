/** A moment, in milliseconds since the epoch, as files, rows, logs and people are told it (RFC 3339, UTC). */
export function formatTime(ms: number): string {
  return new Date(ms).toISOString();
}
