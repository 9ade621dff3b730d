/**
 * The least that a program on Node.js can do in our place: reads a ClientHello and looks at nothing in it, has Node finish the
 * handshake, and forwards one request as it came by a connection that is kept, or passes on what both sides of a
 * WebSocket say. No routes, no checks, no deadlines: what it costs nobody who forwards by Node's TLS can do without.
 * `bare-node.ts PORT CHAIN KEY BACKEND BACKEND_OF_WEBSOCKETS`.
 */
import { readFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { createServer as createTlsServer, type TLSSocket } from "node:tls";
import { modernTls } from "../../src/connection/handshake.ts";
import { readInto } from "../../src/http/socket-handle.ts";

const [port, chain = "", key = "", backendPort, webSocketPort] = process.argv.slice(2);
const ANSWER_HEAD = /content-length: (\d+)\r\n(?:.+\r\n)*\r\n/i;
const readBuffer = Buffer.allocUnsafeSlow(65_536);
const clientBuffer = Buffer.allocUnsafeSlow(16_384);

/** A connection to the backend, and who waits for an answer there. */
interface Backend {
  readonly socket: Socket;
  answer: string;
  answered: (answer: string) => void;
}
const resting: Backend[] = [];

const tls = createTlsServer(
  {
    ...modernTls,
    cert: readFileSync(chain),
    key: readFileSync(key),
    ALPNProtocols: ["h2", "http/1.1"],
  },
  (secured) => {
    secured.on("error", () => secured.destroy());
    secured.once("data", (request: Buffer) => {
      if (request.includes("Upgrade")) return passOn(secured, request);
      const backend = resting.pop() ?? dial();
      backend.answered = (answer) => {
        resting.push(backend);
        secured.end(answer.replace("keep-alive", "close"), "latin1");
      };
      backend.socket.write(request.toString("latin1").replace("close", "keep-alive"), "latin1");
    });
  },
);
tls.on("tlsClientError", (_error, secured) => secured.destroy());

createServer({ noDelay: true }, (socket) => {
  socket.on("error", () => socket.destroy());
  socket.once("data", (hello: Buffer) => {
    socket.pause();
    socket.unshift(hello);
    tls.emit("connection", socket);
  });
}).listen(Number(port), "127.0.0.1");
process.once("SIGTERM", () => process.exit(0));

function passOn(client: TLSSocket, request: Buffer): void {
  const say = (length: number) => {
    client.write(readBuffer.toString("latin1", 0, length), "latin1");
    return true;
  };
  const backend = connect({
    ...{ host: "127.0.0.1", port: Number(webSocketPort), noDelay: true },
    onread: { buffer: readBuffer, callback: say },
  });
  backend.on("error", () => client.destroy()).on("close", () => client.destroy());
  client.on("close", () => backend.destroy());
  backend.write(request);
  readInto(client, clientBuffer, (length) => {
    backend.write(clientBuffer.toString("latin1", 0, length), "latin1");
  });
}

function dial(): Backend {
  const read = (length: number) => {
    backend.answer += readBuffer.toString("latin1", 0, length);
    const head = ANSWER_HEAD.exec(backend.answer);
    const whole =
      head === null ? Number.POSITIVE_INFINITY : head.index + head[0].length + Number(head[1]);
    if (backend.answer.length < whole) return true;
    const { answer } = backend;
    backend.answer = "";
    backend.answered(answer);
    return true;
  };
  const socket = connect({
    ...{ host: "127.0.0.1", port: Number(backendPort), noDelay: true },
    onread: { buffer: readBuffer, callback: read },
  });
  socket.on("error", () => process.exit(1));
  // The other end lets go of what has rested for a minute.
  socket.on("close", () => {
    const at = resting.indexOf(backend);
    if (at !== -1) resting.splice(at, 1);
  });
  const backend: Backend = { socket, answer: "", answered: () => {} };
  return backend;
}
