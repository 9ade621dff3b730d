import net from "node:net";
import { codeOf, LatchkeyError, messageOf } from "../base/errors.ts";
import { whyNotListening } from "../base/listen-failure.ts";
import { ownAddresses } from "../base/own-addresses.ts";
import type { Listen, ListenAddress } from "../config/config.ts";
import type { Reach, Unbound } from "./messages.ts";

/** One listening socket of the program, held by the supervisor for as long as the program lives. */
export interface Listener {
  readonly fd: number;
  /** Where this machine reaches it; port 0 when that cannot be told. */
  readonly reach: Reach;
  /** How it was asked for, to find it again after a reload. */
  readonly name: string;
  /** Is it meant for every address, on a machine that has no IPv6? */
  readonly isIpv4Only: boolean;
  /** May be called again. */
  close(): void;
}

export interface Listeners {
  readonly https: readonly Listener[];
  readonly http: readonly Listener[];
  /** Wanted for plain HTTP, and not to be had now: HTTPS is served without them. */
  readonly unbound: readonly Unbound[];
}

/** Sockets handed over by the service manager (sd_listen_fds(3)), by the name it gave them. */
export interface InheritedFds {
  readonly https: readonly number[];
  readonly http: readonly number[];
}

/** The first descriptor of sd_listen_fds(3). */
const FIRST_LISTEN_FD = 3;

/**
 * Binds every address, or takes over what is inherited or open already. The sockets are only
 * bound here and never accepted from: children listen on them, and connections wait in their
 * queues while children die and come back. Without an address for plain HTTP the others do their work.
 *
 * @throws {LatchkeyError} `LISTEN_FAILED` for HTTPS and for what was inherited, with what was bound until then closed again.
 */
export function bindListeners(
  listen: Listen,
  inherited: InheritedFds | undefined,
  open: readonly Listener[],
): Listeners {
  const opened: Listener[] = [];
  const bindOne = (address: ListenAddress, what: string): Listener => {
    const name = `${what} ${nameOf(address)}`;
    const listener = open.find((each) => each.name === name) ?? bind(address, name);
    if (!open.includes(listener)) opened.push(listener);
    return listener;
  };
  const asAddresses = (fds: readonly number[]) =>
    fds.map((fd): ListenAddress => ({ kind: "fd", fd }));
  const wanted = inherited
    ? { https: asAddresses(inherited.https), http: asAddresses(inherited.http) }
    : listen;
  const unbound: Unbound[] = [];
  try {
    const https = wanted.https.map((address) => bindOne(address, "https"));
    const http = wanted.http.flatMap((address) => {
      try {
        return bindOne(address, "http");
      } catch (error) {
        if (address.kind === "fd") throw error;
        unbound.push({ address: nameOf(address), why: messageOf(error) });
        return [];
      }
    });
    return { https, http, unbound };
  } catch (error) {
    for (const listener of opened) listener.close();
    throw error;
  }
}

/**
 * What `LISTEN_FDS`, `LISTEN_FDNAMES` and `LISTEN_PID` hand over; `undefined` when nothing is.
 *
 * @throws {LatchkeyError} `LISTEN_FAILED` when a socket is named neither `https` nor `http`.
 */
export function inheritedFds(
  env: Readonly<Record<string, string | undefined>>,
  pid: number,
): InheritedFds | undefined {
  const count = Number(env["LISTEN_FDS"] ?? 0);
  if (!Number.isInteger(count) || count <= 0) return undefined;
  if (isForAnother(env, pid)) return undefined;
  const names = (env["LISTEN_FDNAMES"] ?? "").split(":");
  const fds: { https: number[]; http: number[] } = { https: [], http: [] };
  for (let index = 0; index < count; index += 1) {
    const name = names[index] ?? "";
    if (name !== "https" && name !== "http") {
      throw new LatchkeyError(
        "LISTEN_FAILED",
        `Cannot use inherited socket ${index + 1}: LISTEN_FDNAMES calls it "${name}", wanted "https" or "http"`,
      );
    }
    fds[name].push(FIRST_LISTEN_FD + index);
  }
  return fds;
}

/** Are there sockets that `LISTEN_PID` hands to another process, so that {@link inheritedFds} takes none? */
export function isForAnother(
  env: Readonly<Record<string, string | undefined>>,
  pid: number,
): boolean {
  const [count, named] = [Number(env["LISTEN_FDS"] ?? 0), env["LISTEN_PID"]];
  return count > 0 && named !== undefined && Number(named) !== pid;
}

function bind(address: ListenAddress, name: string): Listener {
  if (address.kind === "fd") return adopt(address.fd, name);
  try {
    const socket = bindTcp(address.host, address.port);
    const { address: host, port, family } = socket.address();
    let isOpen = true;
    const close = () => {
      if (isOpen) socket.close();
      isOpen = false;
    };
    return {
      fd: socket.fd(),
      reach: { host: loopbackOf(host ?? "127.0.0.1"), port: port ?? address.port },
      name,
      isIpv4Only: address.host === undefined && (family === "IPv4" || lacksIpv6()),
      close,
    };
  } catch (cause) {
    throw new LatchkeyError(
      "LISTEN_FAILED",
      `Cannot listen on ${nameOf(address)}: ${whyNotListening(cause)}`,
      {},
      { cause },
    );
  }
}

/** No host: every address, IPv6 and IPv4 in one socket; IPv4 alone where the machine has no IPv6. */
function bindTcp(host: string | undefined, port: number): net.BoundSocket {
  if (host !== undefined) return new net.BoundSocket({ host, port });
  try {
    return new net.BoundSocket({ host: "::", port });
  } catch (error) {
    const code = codeOf(error);
    if (code !== "EAFNOSUPPORT" && code !== "EADDRNOTAVAIL") throw error;
    return new net.BoundSocket({ host: "0.0.0.0", port });
  }
}

/** IPv6 may be switched off, and still be bound to: then nobody comes. Where nobody lets us ask, it is not known. */
function lacksIpv6(): boolean {
  const own = ownAddresses();
  return own.length > 0 && !own.some(net.isIPv6);
}

/**
 * A socket that somebody else bound stays theirs: it is never read, written or closed here. A
 * `net.Socket` that does neither is how its address is asked for; it is kept, since what is
 * collected is closed.
 */
function adopt(fd: number, name: string): Listener {
  try {
    const socket = new net.Socket({ fd, readable: false, writable: false });
    const address = socket.address();
    const host = "address" in address ? address.address : undefined;
    const port = "port" in address ? address.port : undefined;
    return {
      fd,
      reach: { host: loopbackOf(host ?? ""), port: port ?? 0 },
      name,
      isIpv4Only: false, // whoever bound it knows
      close: () => void socket,
    };
  } catch (cause) {
    const why = `it is no socket (${messageOf(cause)})`;
    throw new LatchkeyError("LISTEN_FAILED", `Cannot listen on ${name}: ${why}`, {}, { cause });
  }
}

/** A socket for every address is reached through the loopback one. */
function loopbackOf(host: string): string {
  if (host === "" || host === "::" || host === "0.0.0.0") return "127.0.0.1";
  return host;
}

function nameOf(address: ListenAddress): string {
  if (address.kind === "fd") return `fd:${address.fd}`;
  const host = address.host ?? "";
  return `${host.includes(":") ? `[${host}]` : host}:${address.port}`;
}
