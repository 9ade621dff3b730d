import { codeOf, messageOf } from "./errors.ts";

const WHY: Readonly<Record<string, string>> = {
  EADDRINUSE: "another program listens there (find it with: ss -ltnp)",
  EACCES: "ports below 1024 need the capability CAP_NET_BIND_SERVICE, or sockets from systemd",
  EADDRNOTAVAIL: "this machine does not have that address",
};

/** Why an address cannot be listened on, for people. */
export function whyNotListening(thrown: unknown): string {
  return WHY[codeOf(thrown) ?? ""] ?? messageOf(thrown);
}
