import { isIP } from "node:net";
import type { ListenAddress } from "./config.ts";
import type { TcpAddress } from "./destination.ts";

/** A listener as it is written: `:443`, `[::1]:443`, `fd:3`. */
export function formatListen(address: ListenAddress): string {
  if (address.kind === "fd") return `fd:${address.fd}`;
  return formatAddress({ host: address.host ?? "", port: address.port });
}

/** As it is written: `name:443`, `[::1]:443`. */
export function formatAddress({ host, port }: TcpAddress): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}
