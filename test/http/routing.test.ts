import assert from "node:assert/strict";
import { test } from "node:test";
import type { PathEntry } from "../../src/config/destination.ts";
import { configOf } from "../support/config-text.ts";
import { CHEAP_HASH, CHEAP_PASSWORD } from "../support/passwords.ts";
import { RawClient } from "../support/raw-client.ts";
import { answering, OK, Recorder } from "../support/recorder.ts";
import { RelayWorld } from "../support/relay-world.ts";

/** The entries that a host of this text has; backends are told by their ports. */
function pathsOf(text: string): readonly PathEntry[] {
  const action = configOf(`hosts:\n  shop.example:\n${text}`).hosts[0]?.action;
  return action?.kind === "forward" ? action.paths : [];
}

/** Answers every request with its port's name and the target that came. */
async function ask(text: string, target: string, lines = "", method = "GET"): Promise<string> {
  await using backend = await Recorder.start(answering(OK));
  const paths = pathsOf(text.replaceAll("PORT", `${backend.port}`));
  await using world = await RelayWorld.start({ action: { kind: "forward", paths } });
  using client = await RawClient.connect(world.port);
  client.say(
    `${method} ${target} HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n${lines}\r\n`,
  );
  const answer = await client.finished();
  const [, status = ""] = answer.split(" ");
  const location = /\r\nLocation: (.*)\r\n/.exec(answer)?.[1];
  if (location !== undefined) return `${status} ${location}`;
  const [, arrived] = backend.text.split(" ");
  if (arrived !== undefined)
    return `${status} ${/\r\nX-Entry: (.*)\r\n/.exec(backend.text)?.[1]} ${arrived}`;
  return `${status} ${answer.split("\r\n\r\n")[1]?.trim()}`;
}

/** An entry that says which it was. */
const entry = (name: string, more = "") =>
  `{ to: PORT, headers: { request: { set: { X-Entry: ${name} } } }${more === "" ? "" : `, ${more}`} }`;

const GUARDED = `
    to: PORT
    headers: { request: { set: { X-Entry: open } } }
    paths:
      /admin/: ${entry("guarded")}
      /v2/: ${entry("strip", "stripPrefix: on")}
      /app: ${entry("replace", "replacePrefix: /new")}
      /api/: ${entry("api", "replacePrefix: /v3/")}
      /root/: ${entry("root", "replacePrefix: /")}
      /caf%C3%A9/: ${entry("coffee", "stripPrefix: on")}
`;

/** A target; the status, which entry it belonged to, and how it arrived. */
const targets: readonly (readonly [target: string, expected: string])[] = [
  ["/", "200 open /"],
  ["/x?y=/admin/", "200 open /x?y=/admin/"],
  ["/admin/x", "200 guarded /admin/x"],
  ["/admin", "200 open /admin"],
  ["/Admin/x", "200 open /Admin/x"],
  ["/%61dmin/x", "200 guarded /%61dmin/x"],
  ["/admin%2Fx", "400 400 Bad Request"],
  ["/admin%5cx", "400 400 Bad Request"],
  ["/%2561dmin/x", "200 open /%2561dmin/x"],
  ["//admin/x", "400 400 Bad Request"],
  ["///admin//x", "400 400 Bad Request"],
  ["/admin;v=1/x", "400 400 Bad Request"],
  ["/admin%3bv=1/x", "400 400 Bad Request"],
  ["/;/admin/x", "400 400 Bad Request"],
  ["/open/../admin/x", "400 400 Bad Request"],
  ["/open/%2e%2e/admin/x", "400 400 Bad Request"],
  ["/open/.%2E/admin/x", "400 400 Bad Request"],
  ["/open/..;/admin/x", "400 400 Bad Request"],
  ["/open/..%2fadmin/x", "400 400 Bad Request"],
  ["/open/..%5cadmin/x", "400 400 Bad Request"],
  ["/./admin/x", "400 400 Bad Request"],
  ["/admin/../x", "400 400 Bad Request"],
  ["/admin/%2e%2e/x", "400 400 Bad Request"],
  ["/admin/..", "400 400 Bad Request"],
  ["/open%00/x", "400 400 Bad Request"],
  ["/open/%c0%ae%c0%ae/admin/", "400 400 Bad Request"],
  ["/open/%zz", "400 400 Bad Request"],
  ["http://shop.example/open/../admin/", "400 400 Bad Request"],
  ["http://shop.example/admin/x", "200 guarded /admin/x"],
  ["/files/a%2Fb;c//d", "200 open /files/a%2Fb;c//d"],
  ["/admin/a%2Fb;c//d", "200 guarded /admin/a%2Fb;c//d"],
  ["/.well-known/x", "200 open /.well-known/x"],
  ["/v2/", "200 strip /"],
  ["/v2/x?y", "200 strip /x?y"],
  ["/v2//evil.example/x", "200 strip /evil.example/x"],
  ["/v2///", "200 strip /"],
  ["/%762/x", "200 strip /x"],
  ["/caf%c3%a9/x%20y", "200 coffee /x%20y"],
  ["/app", "200 replace /new"],
  ["/app/x", "200 replace /new/x"],
  ["/app//x", "200 replace /new/x"],
  ["/apple", "200 replace /newle"],
  ["/app?x", "200 replace /new?x"],
  ["/api/", "200 api /v3/"],
  ["/api/x", "200 api /v3/x"],
  ["/api//x", "200 api /v3/x"],
  ["/root//x", "200 root /x"],
];

for (const [target, expected] of targets) {
  test(`${target} is answered ${expected}`, async () => {
    assert.equal(await ask(GUARDED, target), expected);
  });
}

test("OPTIONS * belongs to the entry that takes what is left", async () => {
  assert.equal(await ask(GUARDED, "*", "", "OPTIONS"), "200 open *");
  assert.equal(await ask(GUARDED, "http://shop.example", "", "OPTIONS"), "200 open *");
  assert.equal(await ask(GUARDED, "http://shop.example/", "", "OPTIONS"), "200 open /");
});

test("a host without paths gets every path as it was written", async () => {
  const plain = "    to: PORT\n    headers: { request: { set: { X-Entry: all } } }\n";
  for (const target of ["/a/../b", "//x", "/%2e%2e/", "/a%00;b", "/%zz"])
    assert.equal(await ask(plain, target), `200 all ${target}`);
});

test("a prefix that is replaced everywhere cannot be left", async () => {
  const all = `    paths: { /: ${entry("all", "replacePrefix: /app/")} }\n`;
  assert.equal(await ask(all, "/x"), "200 all /app/x");
  assert.equal(await ask(all, "/../x"), "400 400 Bad Request");
  assert.equal(await ask(all, "/%2e%2e/x"), "400 400 Bad Request");
});

const BUILT = `
    to: PORT
    headers: { request: { set: { X-Entry: open } } }
    paths:
      /v2: ${entry("strip", "stripPrefix: on")}
      /files: ${entry("folder", "replacePrefix: /static/")}
      /img: ${entry("name", "replacePrefix: /static")}
      /dot.: ${entry("dot", "replacePrefix: /")}
      /old: { redirect: other.example, stripPrefix: on }
      /away: { redirect: other.example, replacePrefix: /here/ }
`;

/** A prefix without a `/` at its end, and what would be a segment of dots once it is rewritten. */
const built: readonly (readonly [target: string, expected: string])[] = [
  ["/files../admin", "400 400 Bad Request"],
  ["/files./admin", "400 400 Bad Request"],
  ["/files..", "400 400 Bad Request"],
  ["/files..?x", "400 400 Bad Request"],
  ["/files%2e%2e/admin", "400 400 Bad Request"],
  ["/files.%2E/admin", "400 400 Bad Request"],
  ["/files%2e./admin", "400 400 Bad Request"],
  ["/%66iles../admin", "400 400 Bad Request"],
  ["/files..;/admin", "400 400 Bad Request"],
  ["/files..;x=1/admin", "400 400 Bad Request"],
  ["/files..%3Bx/admin", "400 400 Bad Request"],
  ["/files..\\admin", "400 400 Bad Request"],
  ["/files..%5cadmin", "400 400 Bad Request"],
  ["/files..%2fadmin", "400 400 Bad Request"],
  ["/files%2e%2e%2fadmin", "400 400 Bad Request"],
  ["http://shop.example/files../admin", "400 400 Bad Request"],
  ["/v2../admin", "400 400 Bad Request"],
  ["/v2.", "400 400 Bad Request"],
  ["/v2%2E%2e;/admin", "400 400 Bad Request"],
  ["/dot../admin", "400 400 Bad Request"],
  ["/old../x", "400 400 Bad Request"],
  ["/away../x", "400 400 Bad Request"],
  ["/away%2e%2e/x", "400 400 Bad Request"],
  ["/files...", "200 folder /static/..."],
  ["/files..x/y", "200 folder /static/..x/y"],
  ["/files.txt", "200 folder /static/.txt"],
  ["/files?../x", "200 folder /static/?../x"],
  ["/files/x", "200 folder /static/x"],
  ["/img../x", "200 name /static../x"],
  ["/v2..x", "200 strip /..x"],
  ["/v2/x", "200 strip /x"],
];

for (const [target, expected] of built) {
  test(`${target} below a prefix that is rewritten is answered ${expected}`, async () => {
    assert.equal(await ask(BUILT, target), expected);
  });
}

const MATCHED = `
    paths:
      /: ${entry("rest")}
      /x/:
        - ${entry("post", "match: { methods: [POST, GET], headers: { X-A: '1' } }")}
        - ${entry("beta", "match: { headers: { X-Beta: 'v2*' } }")}
        - ${entry("any", "match: { headers: { X-Any: '*' } }")}
        - ${entry("put", "match: { methods: [PUT] }")}
`;

const matches: readonly (readonly [lines: string, expected: string, method?: string])[] = [
  ["", "rest"],
  ["X-A: 1\r\n", "post"],
  ["x-a: 1\r\n", "post", "HEAD"],
  ["X-A: 1\r\n", "rest", "DELETE"],
  ["X-A: 12\r\n", "rest"],
  ["X-A: 1\r\nX-A: 2\r\n", "rest"],
  ["X-A: 1\r\nX-Beta: v2\r\n", "post"],
  ["X-Beta: v2.1\r\n", "beta"],
  ["X-Beta: v3\r\n", "rest"],
  ["X-Any: \r\n", "any"],
  ["X-Any: 1\r\nConnection: x-any\r\n", "rest"],
  ["", "put", "PUT"],
];

for (const [lines, expected, method = "GET"] of matches) {
  test(`${method} with ${JSON.stringify(lines)} belongs to ${expected}`, async () => {
    assert.equal(await ask(MATCHED, "/x/y", lines, method), `200 ${expected} /x/y`);
  });
}

const ANSWERED = `
    to: PORT
    paths:
      /old/: { redirect: /new/ }
      /moved/: { redirect: other.example, stripPrefix: on, status: 301 }
      /away/: { redirect: "other.example:8443", replacePrefix: /here/ }
      /kept/: { redirect: shop.example, replacePrefix: /found/ }
      /gone: { respond: { status: 410, body: gone } }
`;

const answers: readonly (readonly [target: string, expected: string])[] = [
  ["/old/x?y", "308 https://shop.example:8443/new/"],
  ["/moved/x?y", "301 https://other.example/x?y"],
  ["/moved//evil.example/", "301 https://other.example/evil.example/"],
  ["/away/x", "308 https://other.example:8443/here/x"],
  ["/kept/x", "308 https://shop.example:8443/found/x"],
  ["/gone", "410 gone"],
];

for (const [target, expected] of answers) {
  test(`${target} is answered below its path with ${expected}`, async () => {
    assert.equal(await ask(ANSWERED, target), expected);
  });
}

const LOCKED = `
    to: PORT
    auth: { basic: { ops: ${JSON.stringify(CHEAP_HASH)} } }
    paths:
      /secret: { respond: secret }
      /old/: { redirect: /new/ }
      /open: { respond: open, auth: off }
`;

const guarded: readonly (readonly [target: string, expected: RegExp])[] = [
  ["/", /^401 /],
  ["/secret", /^401 /],
  ["/old/x", /^401 /],
  ["/open", /^200 open$/],
];

for (const [target, expected] of guarded) {
  test(`${target} of a host that asks for a password is answered without one by ${expected}`, async () => {
    assert.match(await ask(LOCKED, target), expected);
  });
}

test("what is answered below a path of a host that asks for a password is seen with it", async () => {
  const lines = `Authorization: Basic ${btoa(`ops:${CHEAP_PASSWORD}`)}\r\n`;
  assert.equal(await ask(LOCKED, "/secret", lines), "200 secret");
});
