import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, beforeEach, test } from "node:test";
import { runProgram } from "../../support/client-program.ts";
import type { Latchkey } from "../../support/latchkey.ts";
import { CHEAP_HASH, CHEAP_PASSWORD } from "../../support/passwords.ts";
import { without } from "../../support/programs.ts";
import { portOf } from "../../support/recorder.ts";
import { share } from "../../support/shared-program.ts";

const PAGE = "<p>the same again and again</p>\n".repeat(2_000);

/** A site that says who is there, and a service that lets in whoever has the cookie. */
const site = createServer((request, response) => {
  const { "x-forwarded-user": user, "remote-user": remote, authorization } = request.headers;
  response.setHeader("Content-Type", "text/html");
  response.end(request.url === "/page" ? PAGE : JSON.stringify({ user, remote, authorization }));
});
const service = createServer((request, response) => {
  const isKnown = request.headers.cookie === "s=1";
  if (isKnown) response.setHeader("Remote-User", "zoe");
  else
    response.setHeader(
      "Location",
      `https://login.example/?at=${request.headers["x-forwarded-uri"]}`,
    );
  response.writeHead(isKnown ? 200 : 302).end();
});
for (const server of [site, service])
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));

const start = share({
  hosts: `
  basic.localhost: { to: ${portOf(site)}, compress: on, auth: { basic: { ops: env:OPS } } }
  forward.localhost:
    to: ${portOf(site)}
    auth: { forward: "http://127.0.0.1:${portOf(service)}/verify", copyHeaders: [Remote-User] }
    paths: { /open/: { to: ${portOf(site)}, auth: off } }`,
  env: { OPS: CHEAP_HASH },
});
let latchkey: Latchkey;
beforeEach(async () => {
  latchkey = await start();
  await latchkey.event("certificate.swapped", ({ host }) => host === "basic.localhost");
  await latchkey.event("certificate.swapped", ({ host }) => host === "forward.localhost");
});
after(async () => {
  for (const server of [site, service]) server.close();
});

/** What curl prints of `https://HOST.localhost/…`; the status, and where it leads to, come last. */
async function curl(name: string, ...args: readonly string[]): Promise<string> {
  const port = latchkey.httpsPort;
  const [host = ""] = name.split("/", 1);
  const { stdout } = await runProgram("curl", [
    ...["-sSk", "--resolve", `${host}.localhost:${port}:127.0.0.1`],
    ...["-w", " %{http_code} %{redirect_url}", ...args],
    `https://${host}.localhost:${port}${name.slice(host.length)}`,
  ]);
  return stdout.trim();
}

const skip = without("curl");

test("curl with the password is let in, and without it is not", { skip }, async () => {
  assert.match(await curl("basic/"), /^401 Unauthorized\n 401$/);
  assert.match(await curl("basic/", "-u", "ops:guess"), / 401$/);
  const told = await curl("basic/", "-u", `ops:${CHEAP_PASSWORD}`, "-H", "X-Forwarded-User: root");
  assert.equal(told, '{"user":"ops"} 200');
});

test("curl --compressed gets the page in each coding that it knows", { skip }, async () => {
  const seen: string[] = [];
  for (const coding of ["zstd", "br", "gzip"]) {
    const args = ["--compressed", "-H", `Accept-Encoding: ${coding}`];
    const text = await curl("basic/page", "-u", `ops:${CHEAP_PASSWORD}`, ...args);
    if (text === `${PAGE} 200`) seen.push(coding);
  }
  assert.ok(seen.includes("gzip"), `curl decoded ${seen}`);
});

test("curl goes where the service sends it, and with its cookie to the site, under its name", {
  skip,
}, async () => {
  assert.equal(await curl("forward/a?b"), "302 https://login.example/?at=/a?b");
  const forged = ["-H", "Remote-User: root"];
  assert.equal(await curl("forward/", "-H", "Cookie: s=1", ...forged), '{"remote":"zoe"} 200');
  assert.equal(await curl("forward/open/", ...forged), "{} 200");
});
