import { systemNames } from "../../src/backend/system-names.ts";
import { systemClock } from "../../src/base/clock.ts";
import { Relay } from "../../src/http/relay.ts";
import { forwardTo, httpBackend, KeptLog } from "./relay-world.ts";
import { makeCredential, makeHost, openDoor, storedCredentials } from "./tls-door.ts";

/** The host of {@link openShop}. */
export const SHOP = "shop.example";

/** A door with the real relay behind it, in front of a backend on that port. */
export async function openShop(backendPort: number) {
  const host = makeHost(SHOP, forwardTo([httpBackend(backendPort)]));
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
