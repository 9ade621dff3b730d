import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A way to `port` on which everything takes longer, as over an ocean; TCP's own packets do not. */
export class SlowLink implements AsyncDisposable {
  readonly port: number;
  readonly #close: () => Promise<void>;

  /** @param delayMs Of each byte, in each direction, and of each end. */
  static async open(port: number, delayMs: number): Promise<SlowLink> {
    const open = new Set<Socket>();
    const server = createServer({ allowHalfOpen: true }, (near) => {
      const far = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        open.add(from);
        pass(from, to, delayMs);
        from.on("close", () => open.delete(from));
      }
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    return new SlowLink((server.address() as AddressInfo).port, async () => {
      for (const socket of open) socket.destroy();
      await once(server.close(), "close");
    });
  }

  private constructor(port: number, close: () => Promise<void>) {
    this.port = port;
    this.#close = close;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#close();
  }
}

function pass(from: Socket, to: Socket, delayMs: number): void {
  const later = (work: () => void) => void setTimeout(work, delayMs);
  from.on("data", (bytes) => later(() => void (to.writable && to.write(bytes))));
  from.on("end", () => later(() => to.end()));
  from.on("error", () => later(() => to.destroy()));
}
