import { systemNames } from "../../src/backend/system-names.ts";
import { systemClock } from "../../src/base/clock.ts";
import type { Backend } from "../../src/config/destination.ts";
import { Relay } from "../../src/http/relay.ts";
import { forwardTo, httpBackend, KeptLog } from "./relay-world.ts";
import { makeCredential, makeHost, openDoor, storedCredentials } from "./tls-door.ts";

/** The host of {@link openShop}. */
export const SHOP = "shop.example";

/** A door with the real relay behind it, in front of this backend, or of one on that port that speaks HTTP/1.1. */
export async function openShop(backend: Backend | number) {
  const backends = [typeof backend === "number" ? httpBackend(backend) : backend];
  const host = makeHost(SHOP, forwardTo(backends));
  const relay = new Relay({
    names: systemNames(new KeptLog()),
    hosts: [],
    place: { index: 0, of: 1 },
    log: new KeptLog(),
    clock: systemClock,
    findRoute: () => host,
    isTrustedProxy: () => false,
    publicHttpsPort: 443,
    access: undefined,
  });
  const door = await openDoor({
    hosts: [host],
    sources: storedCredentials(makeCredential(SHOP)),
    relay: (connection) => relay.serve(connection),
  });
  return {
    port: door.port,
    open: door.open,
    async [Symbol.asyncDispose]() {
      relay.close();
      await door[Symbol.asyncDispose]();
    },
  };
}
