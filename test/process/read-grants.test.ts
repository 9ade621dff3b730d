import assert from "node:assert/strict";
import { test } from "node:test";
import { readGrants } from "../../src/process/read-grants.ts";

const WITHHELD = ["/etc/latchkey/latchkey.yaml", "/var/lib/latchkey"];
/** As a client of ACME leaves them: a folder for each host. */
const live = ["a", "b"].flatMap((host) => [`/srv/live/${host}/chain.pem`, `/srv/live/${host}/key`]);

const cases: readonly [
  what: string,
  files: readonly string[],
  maxBytes: number,
  grants: readonly string[],
][] = [
  ["nothing", [], 10, []],
  ["files that there is room for, each once", [...live, ...live], 200, live],
  ["too many files", live, 40, ["/srv/live/a/*", "/srv/live/b/*"]],
  ["too many folders", live, 20, ["/srv/live/*"]],
  ["no folder right below the root", live, 5, ["/srv/live/*"]],
  [
    "no folder with the configuration",
    ["/etc/latchkey/own.pem", "/etc/latchkey/own.key"],
    20,
    ["/etc/latchkey/own.pem", "/etc/latchkey/own.key"],
  ],
  [
    "no folder that holds the storage, and one inside of it",
    ["/var/lib/latchkey/given/a.pem", "/var/lib/latchkey/given/a.key", "/var/lib/a.pem"],
    20,
    ["/var/lib/latchkey/given/*", "/var/lib/a.pem"],
  ],
];

for (const [what, files, maxBytes, grants] of cases) {
  test(`to read is granted: ${what}`, () => {
    assert.deepEqual(readGrants(files, WITHHELD, maxBytes), grants);
  });
}

test("10,000 hosts with linked files of their own leave room in the arguments of a process", () => {
  const files = Array.from({ length: 10_000 }, (_, index) => {
    const [file, target] = [`live/host-${index}/chain.pem`, `archive/host-${index}/chain1.pem`];
    return [`/etc/letsencrypt/${file}`, `/etc/letsencrypt/${target}`];
  });
  const grants = readGrants(files.flat(), WITHHELD);
  assert.deepEqual(grants, ["/etc/letsencrypt/live/*", "/etc/letsencrypt/archive/*"]);
});
