import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, test } from "node:test";
import { Latchkey } from "../support/latchkey.ts";
import { ADDRESSES_V4, binaryHeader } from "../support/proxy-header.ts";
import { RawClient } from "../support/raw-client.ts";
import { connectRaw, listenAnywhere } from "../support/tls-door.ts";
import { openRaw } from "../support/visitor.ts";

/** Tells who asked, as it was told itself. */
const backend = createServer(({ headers }, response) => {
  response.end(`${headers["x-forwarded-for"]} ${headers["x-real-ip"]}`);
});
const port = await listenAnywhere(backend);
const latchkey = await Latchkey.start({
  listen: `listen:
  https: ["127.0.0.1:0"]
  http: ["127.0.0.1:0"]
  proxyProtocol: [127.0.0.0/24]`,
  config: `
workers: 1
trustedProxies: [192.0.2.1]
log: { access: on }
hosts:
  shop.localhost: ${port}
`,
});
after(async () => {
  await latchkey[Symbol.asyncDispose]();
  backend.closeAllConnections();
  backend.close();
});

const HEADER = binaryHeader(0x21, 0x11, ADDRESSES_V4);
const STRANGER = Buffer.from("PROXY TCP4 203.0.113.9 192.0.2.2 56324 443\r\n");

test("a certificate is issued and looked at although this machine counts as a load balancer", async () => {
  await latchkey.event("certificate.swapped");
  const { hosts } = await latchkey.status();
  assert.equal(hosts[0]?.state, "valid");
  assert.equal(hosts[0]?.servedSerial, hosts[0]?.serial);
});

/** What the backend is told of a request that comes behind `header`. */
async function told(header: Buffer, lines = ""): Promise<string> {
  const carrier = await connectRaw(latchkey.httpsPort);
  carrier.write(header);
  using client = await openRaw(latchkey, "shop.localhost", { socket: carrier });
  client.say(`GET / HTTP/1.1\r\nHost: shop.localhost\r\n${lines}Connection: close\r\n\r\n`);
  return (await client.finished()).split("\r\n\r\n").at(-1) ?? "";
}

test("the backend and the access log are told the address in the header", async () => {
  assert.equal(await told(STRANGER, "X-Forwarded-For: 10.1.1.1\r\n"), "203.0.113.9 203.0.113.9");
  const line = await latchkey.event("request.done", ({ client }) => client === "203.0.113.9");
  assert.equal(line["status"], 200);
});

test("it is the address in the header that trustedProxies are about", async () => {
  const lines = "X-Forwarded-For: 198.51.100.7\r\n";
  assert.equal(await told(HEADER, lines), "198.51.100.7, 192.0.2.1 198.51.100.7");
});

test("port 80 takes a header too, and a request without one gets nothing", async () => {
  const request = "GET /a HTTP/1.1\r\nHost: shop.localhost\r\n\r\n";
  using behind = await RawClient.connect(latchkey.httpPort);
  behind.say(`${STRANGER}${request}`);
  assert.match(await behind.finished(), /^HTTP\/1\.1 308 /);
  using bare = await RawClient.connect(latchkey.httpPort);
  bare.say(request);
  assert.equal(await bare.finished(), "");
  await latchkey.event("connection.refused", ({ code }) => code === "PROXY_HEADER_MALFORMED");
});

test("who is no load balancer is served without a header", async () => {
  using client = await openRaw(latchkey, "shop.localhost", { localAddress: "127.0.9.1" });
  client.say("GET / HTTP/1.1\r\nHost: shop.localhost\r\nConnection: close\r\n\r\n");
  assert.match(await client.finished(), /127\.0\.9\.1 127\.0\.9\.1$/);
});
