import { once } from "node:events";
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from "node:http2";

/** One request of a {@link H2Client}, and what comes back. */
export class H2Call {
  readonly stream: ClientHttp2Stream;
  /** The heads of 1xx answers. */
  readonly interims: IncomingHttpHeaders[] = [];
  head: IncomingHttpHeaders | undefined;
  /** The fields of the final head as they came. */
  pairs: readonly string[] = [];
  trailers: Readonly<Record<string, unknown>> | undefined;
  body = "";
  /** Did the answer end as a whole one? */
  isEnded = false;
  /** The code of RST_STREAM, or 0; once it is closed. */
  code: number | undefined;

  constructor(stream: ClientHttp2Stream) {
    this.stream = stream;
    stream.setEncoding("latin1");
    stream.on("error", () => undefined);
    stream.on("headers", (head) => void this.interims.push(head));
    stream.on("response", (head, _flags, pairs) => {
      this.head = head;
      this.pairs = pairs;
    });
    stream.on("trailers", (trailers) => {
      this.trailers = Object.fromEntries(Object.entries(trailers));
    });
    stream.on("data", (text: string) => {
      this.body += text;
    });
    stream.on("end", () => {
      this.isEnded = !stream.aborted && stream.rstCode === 0;
    });
    stream.on("close", () => {
      this.code = stream.rstCode;
    });
  }

  get status(): number {
    return Number(this.head?.[":status"]);
  }

  /** Waits for the stream to close. */
  async closed(): Promise<this> {
    if (this.code === undefined) await once(this.stream, "close").catch(() => undefined);
    return this;
  }

  /** Waits for the final head. */
  async answered(): Promise<this> {
    if (this.head === undefined) await once(this.stream, "response");
    return this;
  }
}

/** A client that speaks HTTP/2 over a plain socket, as if `shop.example` had been agreed on by TLS. */
export class H2Client implements Disposable {
  readonly session: ClientHttp2Session;

  static async connect(port: number): Promise<H2Client> {
    const session = connect(`http://127.0.0.1:${port}`);
    session.on("error", () => undefined);
    await once(session, "remoteSettings");
    return new H2Client(session);
  }

  constructor(session: ClientHttp2Session) {
    this.session = session;
  }

  /** Begins a request; without a body unless `hasBody`. */
  ask(fields: OutgoingHttpHeaders = {}, hasBody = false): H2Call {
    const head = { ":scheme": "https", ":authority": "shop.example", ":path": "/", ...fields };
    return new H2Call(this.session.request(head, { endStream: !hasBody }));
  }

  /** A whole request, answered or not. */
  get(fields: OutgoingHttpHeaders = {}): Promise<H2Call> {
    return this.ask(fields).closed();
  }

  [Symbol.dispose](): void {
    this.session.destroy();
  }
}
