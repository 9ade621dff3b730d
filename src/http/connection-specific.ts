/** RFC 9113 §8.2.2: fields that speak of a connection which HTTP/2 does not have, in either direction. */
export const CONNECTION_SPECIFIC: readonly string[] = [
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
];
