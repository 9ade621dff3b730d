import { once } from "node:events";
import net from "node:net";
import { test } from "node:test";
import tls from "node:tls";
import { openShop, SHOP } from "../support/shop-door.ts";
import {
  authority,
  closeServer,
  connectRaw,
  isEmpty,
  listenAnywhere,
} from "../support/tls-door.ts";

test("clients over HTTP/1.1 that reset while a backend considers their request leave nothing open", async () => {
  const backend = net.createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.resume(); // and never answers
  });
  await using shop = await openShop(await listenAnywhere(backend));
  const cutInTheMiddle = async (): Promise<void> => {
    const raw = await connectRaw(shop.port);
    const closed = once(raw, "close");
    const client = tls.connect({ socket: raw, servername: SHOP, ca: authority.certificate });
    client.on("error", () => raw.destroy());
    client.write(`GET / HTTP/1.1\r\nHost: ${SHOP}\r\n\r\n`, () => raw.resetAndDestroy());
    await closed;
  };
  // Whether it is a write (of session tickets) or the read that hears of a reset first is chance, for each of them.
  for (let round = 0; round < 10; round++)
    await Promise.all(Array.from({ length: 20 }, cutInTheMiddle));
  await isEmpty(shop.open);
  await closeServer(backend);
});
