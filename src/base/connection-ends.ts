import type { IpAddress } from "./ip-address.ts";

/** One end of a TCP connection. */
export interface Endpoint {
  readonly address: IpAddress;
  readonly port: number;
}

/**
 * Both ends of a client's connection as the client made it: behind a load balancer that speaks the PROXY
 * protocol these are not the ends of the socket.
 */
export interface ConnectionEnds {
  /** The client. */
  readonly source: Endpoint;
  /** What the client connected to. */
  readonly destination: Endpoint;
}
