import { once } from "node:events";
import { connect } from "node:net";
import { Recorded } from "./recorded.ts";

/** A client that sends raw bytes and keeps every byte of the answer. */
export class RawClient extends Recorded implements Disposable {
  readonly #statuses: number[] = [];
  /** Behind the last status that was read. */
  #readTo = 0;

  static async connect(port: number): Promise<RawClient> {
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    await once(socket, "connect");
    return new RawClient(socket);
  }

  /** Waits for the other side to end or reset; returns all that came. */
  async finished(): Promise<string> {
    await this.gone();
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
