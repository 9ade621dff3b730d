import { randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";
import { codeOf } from "../../src/base/errors.ts";
import { closeServer } from "./tls-door.ts";

/** Below those that the system gives to who takes any: no listener and no connection of another test gets one of these. */
const PORTS = { from: 20_000, to: 30_000 };
/** Tests tell one another here which ports they have, by sockets for datagrams, which are in no listener's way. */
const CLAIMS = "127.255.255.254";

/**
 * A port of 127.0.0.1 for a program that cannot choose one itself, or that ends and begins again on the same one: no other
 * test gets it as long as this process lives, whether somebody listens on it or not.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(PORTS.from, PORTS.to);
    if ((await isClaimed(port)) && (await isFree(port))) return port;
  }
}

/** Is it ours from now on? */
async function isClaimed(port: number): Promise<boolean> {
  const claim = createSocket("udp4").unref();
  return await succeeds(once(claim.bind(port, CLAIMS), "listening"));
}

/** Programs that are no tests claim nothing. */
async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const isOpen = await succeeds(once(server.listen(port, "127.0.0.1"), "listening"));
  if (isOpen) await closeServer(server);
  return isOpen;
}

/** `false` when somebody else was quicker. */
async function succeeds(listening: Promise<unknown>): Promise<boolean> {
  try {
    await listening;
    return true;
  } catch (error) {
    if (codeOf(error) !== "EADDRINUSE") throw error;
    return false;
  }
}
