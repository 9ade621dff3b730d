import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { limits } from "../../src/config/limits.ts";
import { configOf } from "../support/config-text.ts";
import { RawClient } from "../support/raw-client.ts";
import { forwardTo, get, RelayWorld } from "../support/relay-world.ts";

const folder = mkdtempSync(join(tmpdir(), "latchkey-pages-"));
after(() => rmSync(folder, { recursive: true }));
writeFileSync(join(folder, "host.html"), "<h1>Host</h1>");
writeFileSync(join(folder, "path.html"), "<h1>Path</h1>");

const HEADERS = "headers: { response: { set: { X-Site: shop } } }";
const PAGES = "errors: { 4xx: host.html, 501: host.html }";
/** Hosts of each kind that have pages, and fields for their answers. */
const hosts = {
  forward: `{ to: 9, ${HEADERS}, ${PAGES}, paths: { /a: { errors: { 4xx: path.html } } } }`,
  redirect: `{ redirect: b.example, ${HEADERS}, ${PAGES} }`,
  respond: `{ respond: ok, ${HEADERS}, ${PAGES} }`,
} as const;

/** What such a host says to a request. */
async function answerOf(kind: keyof typeof hosts, request: string): Promise<string> {
  const text = `hosts: { shop.example: ${hosts[kind]} }`;
  const { action = forwardTo([]) } = configOf(text, join(folder, "a.yaml")).hosts[0] ?? {};
  await using world = await RelayWorld.start({ action });
  using client = await RawClient.connect(world.port);
  client.say(request);
  return await client.finished();
}

/** Requests that are refused before anybody knows which path they are for. */
const refused: readonly (readonly [status: number, what: string, request: string])[] = [
  [400, "a malformed head", "GET /a HTTP/1.1\r\nHost : shop.example\r\n\r\n"],
  [405, "TRACE", "TRACE /a HTTP/1.1\r\nHost: shop.example\r\n\r\n"],
  [414, "a target that is too long", get("", `/a${"a".repeat(limits.targetMaxBytes)}`)],
  [417, "an odd Expect", get("Expect: a miracle\r\n", "/a")],
  [421, "another host", "GET /a HTTP/1.1\r\nHost: other.example\r\n\r\n"],
  [431, "a head that is too large", get(`X-A: ${"a".repeat(limits.headMaxBytes)}\r\n`)],
  [501, "an unknown method", "BREW /a HTTP/1.1\r\nHost: shop.example\r\n\r\n"],
];

for (const [status, what, request] of refused) {
  for (const kind of ["forward", "redirect", "respond"] as const) {
    test(`A request with ${what} is answered ${status} with the page of its host that does ${kind}, and none of its fields`, async () => {
      const answer = await answerOf(kind, request);
      assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `));
      assert.match(answer, /\r\nContent-Type: text\/html; charset=utf-8\r\n/);
      assert.match(answer, /\r\n\r\n<h1>Host<\/h1>$/);
      assert.doesNotMatch(answer, /X-Site/);
    });
  }
}

test("A path of several readings gets the page of the host, not of one of its paths", async () => {
  const answer = await answerOf("forward", get("Connection: close\r\n", "/a/../b"));
  assert.match(answer, /^HTTP\/1\.1 400 [\s\S]*\r\n\r\n<h1>Host<\/h1>$/);
});
