import {
  Metadata,
  type MethodDefinition,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceError,
  type sendUnaryData,
  status,
} from "@grpc/grpc-js";

/** Messages are bytes here: what a proxy has to carry is the same with any encoding. */
function method(name: string, streams: { readonly asks?: boolean; readonly answers?: boolean }) {
  const path = `/test.Echo/${name}`;
  return {
    path,
    requestStream: streams.asks === true,
    responseStream: streams.answers === true,
    requestSerialize: (bytes: Buffer) => bytes,
    requestDeserialize: (bytes: Buffer) => bytes,
    responseSerialize: (bytes: Buffer) => bytes,
    responseDeserialize: (bytes: Buffer) => bytes,
  } satisfies MethodDefinition<Buffer, Buffer>;
}

export const ECHO = {
  unary: method("Unary", {}),
  /** Answers with a status alone: its head is its end. */
  refuse: method("Refuse", {}),
  /** Answers nothing. */
  hang: method("Hang", {}),
  gather: method("Gather", { asks: true }),
  /** As many messages as the request says, then a status with details. */
  count: method("Count", { answers: true }),
  chat: method("Chat", { asks: true, answers: true }),
};

/** What a {@link GrpcService} has seen. */
export interface Seen {
  /** Calls that were cancelled. */
  cancelled: number;
  /** Metadata of the last unary call. */
  metadata: Metadata | undefined;
}

/** A gRPC service made with grpc-js. */
export class GrpcService implements AsyncDisposable {
  readonly port: number;
  readonly seen: Seen;
  readonly #server: Server;

  /** With TLS if there is a certificate. */
  static async start(tls?: { readonly chain: string; readonly key: string }): Promise<GrpcService> {
    const seen: Seen = { cancelled: 0, metadata: undefined };
    const server = new Server({ "grpc.max_receive_message_length": -1 });
    server.addService(ECHO, implementation(seen));
    const credentials =
      tls === undefined
        ? ServerCredentials.createInsecure()
        : ServerCredentials.createSsl(null, [
            { cert_chain: Buffer.from(tls.chain), private_key: Buffer.from(tls.key) },
          ]);
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    server.bindAsync("127.0.0.1:0", credentials, (error, port) =>
      error === null ? resolve(port) : reject(error),
    );
    return new GrpcService(server, await promise, seen);
  }

  constructor(server: Server, port: number, seen: Seen) {
    this.#server = server;
    this.port = port;
    this.seen = seen;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.forceShutdown();
  }
}

type Reply = sendUnaryData<Buffer>;

function implementation(seen: Seen) {
  return {
    unary: (call: ServerUnaryCall<Buffer, Buffer>, reply: Reply) => {
      seen.metadata = call.metadata;
      const trailers = new Metadata();
      trailers.set("x-sum", String(call.request.length));
      trailers.set("x-raw-bin", Buffer.from([0, 255, 10, 13]));
      reply(null, call.request, trailers);
    },
    refuse: (_call: ServerUnaryCall<Buffer, Buffer>, reply: Reply) => {
      const details = "not today: 100 % \u00e9";
      const error: Partial<ServiceError> = { code: status.FAILED_PRECONDITION, details };
      reply(error, null);
    },
    hang: (call: ServerUnaryCall<Buffer, Buffer>) => {
      call.on("cancelled", () => {
        seen.cancelled += 1;
      });
    },
    gather: async (call: ServerReadableStream<Buffer, Buffer>, reply: Reply) => {
      let size = 0;
      for await (const message of call) size += Buffer.from(message).length;
      reply(null, Buffer.from(String(size)));
    },
    count: async (call: ServerWritableStream<Buffer, Buffer>) => {
      call.on("cancelled", () => {
        seen.cancelled += 1;
      });
      const [messages = 0, size = 1] = call.request.toString().split(" ").map(Number);
      for (let at = 0; at < messages && !call.cancelled; at += 1) {
        if (!call.write(Buffer.alloc(size, "x")))
          await new Promise((resolve) => call.once("drain", resolve).once("cancelled", resolve));
      }
      const trailers = new Metadata();
      trailers.set("x-count", String(messages));
      call.end(trailers);
    },
    chat: (call: ServerDuplexStream<Buffer, Buffer>) => {
      call.on("data", (message: Buffer) => call.write(message));
      call.on("end", () => call.end());
      call.on("cancelled", () => {
        seen.cancelled += 1;
      });
    },
  };
}
