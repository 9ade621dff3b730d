import assert from "node:assert/strict";
import { after, test } from "node:test";
import { type BrowserContextOptions, chromium, type Page } from "playwright-core";
import type { Snapshot } from "../../src/admin/snapshot.ts";
import { failingRecord, hostRecord, openDashboard, snapshotOf } from "../support/dashboard.ts";

const world = new AsyncDisposableStack();
after(() => world.disposeAsync());
const browser = world.use(
  await chromium.launch({ executablePath: "/usr/bin/chromium", chromiumSandbox: false }),
);
const HOSTILE = `<script>document.title = "taken"</script><img src=x onerror="document.title='taken'">`;
const failing = failingRecord("failing.shop.example", { detail: HOSTILE, hint: HOSTILE });

/** A page that looks at a dashboard, and what its console said. */
async function look(url: string, options: BrowserContextOptions = {}) {
  const page = await browser.newPage(options);
  const said: string[] = [];
  page.on("console", (message) => said.push(message.text()));
  page.on("pageerror", (error) => said.push(error.message));
  const answer = await page.goto(url);
  return { page, said, status: answer?.status() };
}

/** The names of the hosts as they are read, from above. */
const namesOn = (page: Page): Promise<readonly string[]> =>
  page.locator(".hosts th[scope=row]").allInnerTexts();

test("the dashboard is read in a browser as it is meant, and breaks none of its own rules", async () => {
  const hosts = [hostRecord("store.shop.example"), failing];
  using dashboard = await openDashboard(() => snapshotOf({ hosts }));
  const { page, said } = await look(dashboard.url);
  assert.equal(await page.title(), "1 host failing · Latchkey on edge1");
  assert.deepEqual(await namesOn(page), ["failing.shop.example", "store.shop.example"]);
  assert.equal(await page.locator(".error samp").textContent(), HOSTILE);
  const color = "getComputedStyle(document.querySelector('.state.warn')).color";
  assert.equal(await page.evaluate(color), "rgb(138, 83, 0)");
  assert.equal(await page.locator("img").count(), 0);
  assert.deepEqual(said, []);
  await page.close();
});

test("a script that got in all the same does not run", async () => {
  using dashboard = await openDashboard(snapshotOf);
  const { page, said } = await look(dashboard.url);
  await page.evaluate(`
    const script = document.createElement("script");
    script.textContent = "document.title = 'taken'";
    document.body.append(script);`);
  assert.match(await page.title(), /^All is well/);
  assert.match(said.join(), /Content Security Policy/);
  await page.close();
});

for (const colorScheme of ["light", "dark"] as const) {
  test(`on a phone nothing sticks out, and text can be told from its ground (${colorScheme})`, async () => {
    const long = failingRecord(`${"a".repeat(63)}.${"b".repeat(63)}.shop.example`, {
      detail: `https://ca.example/${"x".repeat(900)}`,
    });
    using dashboard = await openDashboard(() => snapshotOf({ hosts: [long] }));
    const viewport = { width: 390, height: 844 };
    const { page } = await look(dashboard.url, { viewport, colorScheme });
    assert.equal(await page.evaluate("document.documentElement.scrollWidth"), 390);
    const faint = await page.evaluate("getComputedStyle(document.querySelector('time')).color");
    const ground = await page.evaluate("getComputedStyle(document.body).backgroundColor");
    assert.ok(contrast(String(faint), String(ground)) >= 4.5, `${faint} on ${ground}`);
    await page.close();
  });
}

test("an open page shows what is new by itself, says when it cannot, and goes on", async () => {
  let [hosts, isBroken]: [Snapshot["hosts"], boolean] = [[hostRecord("a.example")], false];
  let now = Date.now();
  const look1 = () => {
    if (isBroken) throw new Error("as during a reload");
    return snapshotOf({ hosts });
  };
  using dashboard = await openDashboard(look1, undefined, () => (now += 2_000));
  const page = await browser.newPage();
  await page.clock.install();
  await page.goto(dashboard.url);
  assert.match(await page.title(), /^All is well/);
  hosts = [failing];
  await page.clock.runFor(10_000);
  await page.locator("h1", { hasText: "1 host failing" }).waitFor();
  assert.match(await page.title(), /^1 host failing/);
  assert.deepEqual(await namesOn(page), ["failing.shop.example"]);
  isBroken = true;
  await page.clock.runFor(10_000);
  await page.locator("#lost").waitFor({ state: "visible" });
  isBroken = false;
  await page.clock.runFor(10_000);
  await page.locator("#lost").waitFor({ state: "hidden" });
  await page.close();
});

test("a browser asks for the token, and hosts are found by a part of their name", async () => {
  const hosts = Array.from({ length: 400 }, (_, index) => hostRecord(`c${index}.example`));
  using dashboard = await openDashboard(() => snapshotOf({ hosts }), "correct-horse-battery");
  const stranger = await browser.newPage();
  await assert.rejects(stranger.goto(dashboard.url), /ERR_INVALID_AUTH_CREDENTIALS/);
  await stranger.close();
  const httpCredentials = { username: "me", password: "correct-horse-battery" };
  const { page, status, said } = await look(dashboard.url, { httpCredentials });
  assert.equal(status, 200);
  await page.getByLabel("Hosts whose name contains").fill("C39");
  await page.getByRole("button", { name: "Show" }).click();
  await page.waitForURL(/\?q=C39$/);
  assert.equal((await namesOn(page)).length, 11);
  await page.getByRole("link", { name: "all hosts" }).click();
  await page.waitForURL(/\/$/);
  assert.equal((await namesOn(page)).length, 300);
  assert.deepEqual(said, []);
  await page.close();
});

/** WCAG 2.2, of two colours as `rgb(1, 2, 3)`. */
function contrast(one: string, other: string): number {
  const [light = 0, dark = 0] = [one, other].map(luminance).sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

function luminance(color: string): number {
  const [red = 0, green = 0, blue = 0] = (color.match(/\d+/g) ?? []).map((text) => {
    const part = Number(text) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
