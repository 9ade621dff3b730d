import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { WebSocketServer } from "ws";
import { closeServer, listenAnywhere } from "./tls-door.ts";

/** What people put behind a proxy: a page with its parts, an upload, events and a WebSocket. */
export interface Site extends AsyncDisposable {
  readonly port: number;
  /** Sends an event to every page that listens; how many there are. */
  announce(what: string): number;
  /** Ends every page's stream of events; a page asks again by itself. */
  hangUp(): void;
}

type Page = (request: IncomingMessage, response: ServerResponse) => void;

const PAGE = `<!doctype html><title>Shop</title><link rel="stylesheet" href="/style.css">
<h1>Shop</h1><img src="/pixel.svg" alt=""><script src="/script.js"></script>`;
/** Ten megabytes in which every piece is another. */
export const FILE: Buffer = Buffer.from(
  Uint32Array.from({ length: 2_621_440 }, (_, at) => at).buffer,
);
const PIXEL = `<svg xmlns="http://www.w3.org/2000/svg" width="7" height="5"/>`;

/** Starts it on a free port of 127.0.0.1. WebSockets at any path echo what they hear. */
export async function startSite(): Promise<Site> {
  const listeners = new Set<ServerResponse>();
  const pages: Readonly<Record<string, Page>> = {
    "/": answer("text/html", PAGE),
    "/style.css": answer("text/css", "h1 { color: rgb(1, 2, 3) }"),
    "/script.js": answer("text/javascript", "document.title += ' is open'"),
    "/pixel.svg": answer("image/svg+xml", PIXEL),
    "/cookies": ({ headers }, response) => response.end(headers.cookie),
    "/upload": async (request, response) => {
      response.end(String((await text(request)).length));
    },
    "/file": ({ headers: { range } }, response) => {
      const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(range ?? "") ?? [];
      if (from === undefined || to === undefined) response.end(FILE);
      else response.writeHead(206).end(FILE.subarray(Number(from), Number(to) + 1));
    },
    "/cut": (_, response) => {
      response.writeHead(200, { "content-length": 1_000 }).write("half");
      setImmediate(() => response.destroy());
    },
    "/events": ({ headers }, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(`retry: 50\nid: 1\ndata: hello after ${headers["last-event-id"]}\n\n`);
      listeners.add(response.once("close", () => listeners.delete(response)));
    },
  };
  const server = createServer((request, response) => {
    const page = pages[request.url?.split("?")[0] ?? ""];
    if (page === undefined) response.writeHead(404).end();
    else page(request, response);
  });
  const sockets = new WebSocketServer({ server, perMessageDeflate: true });
  sockets.on("connection", (socket) => {
    socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
  return {
    port: await listenAnywhere(server),
    announce: (what) => {
      for (const each of listeners) each.write(`data: ${what}\n\n`);
      return listeners.size;
    },
    hangUp: () => {
      for (const each of listeners) each.end();
    },
    [Symbol.asyncDispose]: async () => {
      for (const client of sockets.clients) client.terminate();
      await closeServer(server);
    },
  };
}

function answer(type: string, body: string): Page {
  return (_, response) => response.writeHead(200, { "content-type": type }).end(body);
}
