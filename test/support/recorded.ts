import type { Socket } from "node:net";

/** A wait for longer ends with what came until then, before the runner ends it without a word. */
const WAIT_MAX_MS = 60_000;

/** One end of a connection of a test, which owns the socket: every byte that comes, as latin1, and a hand to write with. */
export class Recorded {
  readonly socket: Socket;
  text = "";
  isEnded = false;
  isClosed = false;
  /** Did the connection end with a reset? */
  wasReset = false;
  readonly #waiting: (() => void)[] = [];

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

  /** Waits until what came satisfies `isEnough`; fails when the connection closes before, or it takes too long. */
  async until(isEnough: (recorded: this) => boolean): Promise<void> {
    let isLate = false;
    const deadline = setTimeout(() => {
      isLate = true;
      this.#wake();
    }, WAIT_MAX_MS).unref();
    try {
      while (!isEnough(this)) {
        if (this.isClosed) throw new Error(`closed after ${JSON.stringify(this.text)}`);
        if (isLate) throw new Error(`nothing more after ${JSON.stringify(this.text)}`);
        await new Promise<void>((resolve) => void this.#waiting.push(resolve));
      }
    } finally {
      clearTimeout(deadline);
    }
  }

  /** Waits for the text to hold `part`. */
  has(part: string): Promise<void> {
    return this.until(({ text }) => text.includes(part));
  }

  /** Waits for the end of a head, beyond the first `from` characters. */
  head(from = 0): Promise<void> {
    return this.until(({ text }) => text.includes("\r\n\r\n", from));
  }

  /** Waits for the other side to end or reset. */
  gone(): Promise<void> {
    return this.until(({ isEnded, isClosed }) => isEnded || isClosed);
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}
