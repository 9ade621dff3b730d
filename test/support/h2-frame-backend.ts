import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";
import {
  FLAG,
  FRAME,
  type Frame,
  frame,
  framesOf,
  PREFACE,
  settings,
  takeFrames,
} from "./h2-frames.ts";
import { portOf } from "./recorder.ts";

/** One connection to a {@link FrameBackend}: every frame that came, and a hand to answer with. */
export class FramePeer {
  readonly socket: Socket;
  readonly frames: Frame[] = [];
  isClosed = false;
  #rest: Buffer = Buffer.alloc(0);
  #hasPreface = false;
  readonly #waiting: (() => void)[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("error", () => undefined);
    socket.on("data", (bytes: Buffer) => this.#read(bytes));
    socket.on("close", () => {
      this.isClosed = true;
      this.#wake();
    });
  }

  say(...frames: readonly Uint8Array[]): void {
    if (this.socket.writable) this.socket.write(Buffer.concat(frames));
  }

  /** The frames of this kind, of one stream if it is named. */
  of(type: number, stream?: number): readonly Frame[] {
    return framesOf(this.frames, type, stream);
  }

  /** The stream of the `index`th request, when it has come; 0: the connection is gone. */
  async request(index: number): Promise<number> {
    await this.until(() => this.of(FRAME.headers).length > index);
    return this.of(FRAME.headers)[index]?.stream ?? 0;
  }

  /** Waits until what came satisfies `isEnough`, or the connection is closed. */
  async until(isEnough: (peer: FramePeer) => boolean): Promise<void> {
    while (!isEnough(this) && !this.isClosed)
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #read(bytes: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    if (!this.#hasPreface) {
      if (this.#rest.length < PREFACE.length) return;
      this.#hasPreface = true;
      this.#rest = this.#rest.subarray(PREFACE.length);
    }
    this.#rest = takeFrames(this.#rest, this.frames);
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

/** What a backend does with a connection. */
export type FrameScript = (peer: FramePeer, index: number) => void | Promise<void>;

/** A backend of HTTP/2 that writes frames by hand, or whatever else. */
export class FrameBackend implements AsyncDisposable {
  readonly peers: FramePeer[] = [];
  readonly #server: Server;
  #wake: () => void = () => undefined;

  static async start(script: FrameScript): Promise<FrameBackend> {
    const server = createServer({ noDelay: true });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new FrameBackend(server, script);
  }

  /** With TLS, where the client has to take HTTP/2 if `options` do not say more. */
  static async startSecure(script: FrameScript, options: TlsOptions): Promise<FrameBackend> {
    const server = createTlsServer({ ALPNProtocols: ["h2"], ...options });
    server.on("tlsClientError", () => undefined);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new FrameBackend(server, script, "secureConnection");
  }

  constructor(server: Server, script: FrameScript, event = "connection") {
    this.#server = server;
    server.on(event, (socket: Socket) => {
      const peer = new FramePeer(socket);
      this.peers.push(peer);
      this.#wake();
      // A script that was cut off has nothing to say: the test asserts on what its client saw.
      Promise.resolve(script(peer, this.peers.length - 1)).catch(() => undefined);
    });
  }

  get port(): number {
    return portOf(this.#server);
  }

  /** The `index`th connection, when there is one. */
  async peer(index: number): Promise<FramePeer> {
    for (;;) {
      const peer = this.peers[index];
      if (peer !== undefined) return peer;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** How many requests have come over all connections. */
  get requests(): number {
    return this.peers.reduce((sum, peer) => sum + peer.of(FRAME.headers).length, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { socket } of this.peers) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** SETTINGS of a backend, and the acknowledgement of ours. */
export function greeting(...pairs: readonly (readonly [id: number, value: number])[]): Buffer {
  return Buffer.concat([settings(...pairs), frame(FRAME.settings, FLAG.ack, 0)]);
}
