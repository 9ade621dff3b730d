import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { createServer } from "../base/node-http.ts";

/**
 * The three small services of the demo, in a process of their own: `demo.ts` starts it with the
 * ports they would like, and gets back the ports they have.
 */
const SERVICES = [
  { name: "store", answer: page("The store", "Fresh bread, every morning.") },
  { name: "api", answer: api },
  { name: "docs", answer: page("The docs", "List your domains, get HTTPS.") },
] as const;

const LOOPBACK = "127.0.0.1";

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

const wanted = process.argv.slice(2).map(Number);
const ports = await Promise.all(
  SERVICES.map(({ answer }, index) => start(answer, wanted[index] ?? 0)),
);
process.on("disconnect", () => process.exit(0));
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
process.send?.(ports);

/** On the port it would like, or any other when that one is taken. */
async function start(answer: Answer, port: number): Promise<number> {
  try {
    return await listen(createServer(answer), port);
  } catch {
    return await listen(createServer(answer), 0);
  }
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, LOOPBACK, () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });
}

function page(title: string, text: string): Answer {
  return (_request, response) => {
    response.setHeader("content-type", "text/html; charset=utf-8");
    response.end(`<!doctype html><title>${title}</title><h1>${title}</h1><p>${text}</p>\n`);
  };
}

/** Says what it was asked, and by whom: how the proxy introduces its clients. */
function api(request: IncomingMessage, response: ServerResponse): void {
  const { method, url, headers } = request;
  response.setHeader("content-type", "application/json");
  response.end(
    `${JSON.stringify({
      service: "api",
      method,
      url,
      host: headers.host,
      client: headers["x-forwarded-for"],
      protocol: headers["x-forwarded-proto"],
      requestId: headers["x-request-id"],
    })}\n`,
  );
}
