import { createServer } from "node:net";
import { closeServer, listenAnywhere } from "./tls-door.ts";

/** A port of 127.0.0.1 that nobody has just now, for a program that cannot choose one itself. */
export async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listenAnywhere(server);
  await closeServer(server);
  return port;
}
