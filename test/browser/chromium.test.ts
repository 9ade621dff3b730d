import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { chromium, type Page } from "playwright-core";
import { runProgram } from "../support/client-program.ts";
import { Latchkey } from "../support/latchkey.ts";
import { CHEAP_HASH, CHEAP_PASSWORD } from "../support/passwords.ts";
import { startSite } from "../support/site.ts";

/** A browser that trusts our root as a user would have it: imported, with no check turned off. */
const world = new AsyncDisposableStack();
after(() => world.disposeAsync());
const home = await mkdtemp(join(tmpdir(), "latchkey-browser-"));
world.defer(() => rm(home, { recursive: true, force: true, maxRetries: 5 }));
const site = world.use(await startSite());
const latchkey = world.use(
  await Latchkey.start({
    config: `
workers: 1
hosts:
  shop.localhost: { to: ${site.port}, hsts: 60d }
  locked.localhost:
    to: ${site.port}
    auth: { basic: { anna: "${CHEAP_HASH}" } }
`,
  }),
);
await latchkey.event("certificate.swapped", ({ host }) => host === "shop.localhost");
await latchkey.event("certificate.swapped", ({ host }) => host === "locked.localhost");
await trust(latchkey.root);
const browser = world.use(
  await chromium.launch({
    executablePath: "/usr/bin/chromium",
    chromiumSandbox: false,
    env: { ...process.env, HOME: home },
  }),
);
const shop = `https://shop.localhost:${latchkey.httpsPort}`;

test("a page opens with all its parts, over HTTP/2, under a certificate the browser trusts", async () => {
  await using page = await open("/");
  assert.equal(await page.title(), "Shop is open");
  const color = await page.evaluate("getComputedStyle(document.querySelector('h1')).color");
  assert.equal(color, "rgb(1, 2, 3)");
  assert.equal(await page.evaluate("document.querySelector('img').naturalWidth"), 7);
  const protocols = await page.evaluate(
    "[...new Set(performance.getEntries().map((each) => each.nextHopProtocol).filter(Boolean))]",
  );
  assert.deepEqual(protocols, ["h2"]);
});

test("plain HTTP leads to HTTPS", async () => {
  await using page = await browser.newPage();
  const answer = await page.goto(`http://shop.localhost:${latchkey.httpPort}/cookies?a=1`);
  assert.equal(answer?.url(), `${shop}/cookies?a=1`);
});

test("an upload of a megabyte arrives whole", async () => {
  await using page = await open("/");
  const upload = "fetch('/upload', { method: 'POST', body: 'x'.repeat(1_000_000) })";
  assert.equal(await page.evaluate(`${upload}.then((answer) => answer.text())`), "1000000");
});

test("cookies come as one field", async () => {
  await using page = await open("/");
  await page.evaluate("['a=1', 'b=2', 'c=3'].forEach((cookie) => { document.cookie = cookie })");
  const seen = await page.evaluate("fetch('/cookies').then((answer) => answer.text())");
  assert.equal(seen, "a=1; b=2; c=3");
});

test("an answer that the backend cuts is an error for the page, never a short answer", async () => {
  await using page = await open("/");
  const read = "fetch('/cut').then((answer) => answer.text()).catch((error) => error.name)";
  assert.equal(await page.evaluate(read), "TypeError");
});

test("a WebSocket echoes text and bytes, and closes with its code", async () => {
  await using page = await open("/");
  const heard = await page.evaluate(`new Promise((resolve, reject) => {
    const heard = [];
    const socket = new WebSocket("wss://" + location.host + "/echo");
    socket.binaryType = "arraybuffer";
    socket.onopen = () => { socket.send("hello"); socket.send(new Uint8Array(70_000)); };
    socket.onmessage = ({ data }) => {
      heard.push(data.byteLength ?? data);
      if (heard.length === 2) socket.close(4_001, "done");
    };
    socket.onclose = ({ code, wasClean }) => resolve([...heard, code, wasClean]);
    socket.onerror = () => reject(new Error("broken"));
  })`);
  assert.deepEqual(heard, ["hello", 70_000, 4_001, true]);
});

test("events come one by one while the stream is open, and the page asks again when it ends", async () => {
  await using page = await open("/");
  await page.evaluate(`
    heard = [];
    new EventSource("/events").onmessage = ({ data }) => heard.push(data);`);
  await page.waitForFunction("heard.length === 1");
  assert.equal(site.announce("news"), 1);
  await page.waitForFunction("heard.length === 2");
  site.hangUp();
  await page.waitForFunction("heard.length === 3");
  assert.deepEqual(await page.evaluate("heard"), [
    "hello after undefined",
    "news",
    "hello after 1",
  ]);
});

test("a password is asked for, and opens what it locks", async () => {
  const address = `https://locked.localhost:${latchkey.httpsPort}/`;
  await using stranger = await browser.newPage();
  await assert.rejects(stranger.goto(address), /ERR_INVALID_AUTH_CREDENTIALS/);
  const httpCredentials = { username: "anna", password: CHEAP_PASSWORD };
  await using page = await browser.newPage({ httpCredentials });
  assert.equal((await page.goto(address))?.status(), 200);
});

test("a name of nobody is refused in the handshake", async () => {
  await using page = await browser.newPage();
  await assert.rejects(
    page.goto(`https://nobody.localhost:${latchkey.httpsPort}/`),
    /ERR_SSL_UNRECOGNIZED_NAME_ALERT/,
  );
});

async function open(path: string): Promise<Page> {
  const page = await browser.newPage();
  await page.goto(`${shop}${path}`);
  return page;
}

/** As a user does it: `certutil` puts the root among the authorities of the browser's home. */
async function trust(root: string): Promise<void> {
  const store = `sql:${join(home, ".pki", "nssdb")}`;
  await runProgram("mkdir", ["-p", join(home, ".pki", "nssdb")]);
  for (const args of [
    ["-N", "--empty-password"],
    ["-A", "-n", "latchkey", "-t", "C,,", "-i", root],
  ]) {
    const { code, stderr } = await runProgram("certutil", ["-d", store, ...args]);
    assert.equal(code, 0, stderr);
  }
}
