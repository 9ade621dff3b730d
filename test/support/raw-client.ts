import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** A client that sends raw bytes and keeps every byte of the answer, as latin1. */
export class RawClient implements Disposable {
  readonly socket: Socket;
  text = "";
  isEnded = false;
  isClosed = false;
  /** Did the connection end with a reset? */
  wasReset = false;
  #wake: () => void = () => undefined;
  readonly #statuses: number[] = [];
  /** Behind the last status that was read. */
  #readTo = 0;

  static async connect(port: number): Promise<RawClient> {
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    await once(socket, "connect");
    return new RawClient(socket);
  }

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding("latin1");
    socket.on("error", (error: NodeJS.ErrnoException) => {
      this.wasReset = error.code === "ECONNRESET";
    });
    socket.on("data", (text: string) => {
      this.text += text;
      this.#wake();
    });
    socket.on("end", () => {
      this.isEnded = true;
      this.#wake();
    });
    socket.on("close", () => {
      this.isClosed = true;
      this.#wake();
    });
  }

  /** Sends latin1 text. */
  say(text: string): void {
    this.socket.write(text, "latin1");
  }

  /** Waits until what came satisfies `isEnough`; fails when the connection closes before. */
  async until(isEnough: (client: RawClient) => boolean): Promise<void> {
    while (!isEnough(this)) {
      if (this.isClosed) throw new Error(`closed after ${JSON.stringify(this.text)}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  has(part: string): Promise<void> {
    return this.until(({ text }) => text.includes(part));
  }

  /** Waits for the other side to end or reset; returns all that came. */
  async finished(): Promise<string> {
    await this.until(({ isEnded, isClosed }) => isEnded || isClosed);
    return this.text;
  }

  /** The statuses of the answers so far, read naively. */
  get statuses(): number[] {
    const line = /HTTP\/1\.1 (\d{3})/g;
    line.lastIndex = this.#readTo;
    for (let found = line.exec(this.text); found !== null; found = line.exec(this.text)) {
      this.#statuses.push(Number(found[1]));
      this.#readTo = line.lastIndex;
    }
    return [...this.#statuses];
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}
