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
  [
    "the folder with many alone, of two that hold files",
    [...live, "/home/ops/maintenance.flag", "/var/www/off.flag"],
    90,
    ["/srv/live/a/*", "/srv/live/b/*", "/home/ops/maintenance.flag", "/var/www/off.flag"],
  ],
  [
    "a folder, and nothing beside it that lies inside of it",
    ["/srv/certs/own.pem", "/srv/certs/a/a.pem", "/srv/certs/a/a.key", "/srv/certs/b/b.pem"],
    20,
    ["/srv/certs/*"],
  ],
  [
    "a folder's own folders before itself, though it holds a file too",
    ["/srv/certs/own.pem", ...["a", "b", "c"].map((host) => `/srv/certs/${host}/fullchain.pem`)],
    70,
    ["/srv/certs/own.pem", "/srv/certs/a/*", "/srv/certs/b/*", "/srv/certs/c/*"],
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
  const inArchive = files.map((_, index) => `/etc/letsencrypt/archive/host-${index}/*`);
  assert.deepEqual(new Set(grants), new Set(["/etc/letsencrypt/live/*", ...inArchive]));
});

test("thousands of hosts with a folder of their own widen nothing but these folders", () => {
  const hosts = Array.from(
    { length: 6_000 },
    (_, index) => `/srv/tls/customers/host-${index}.example`,
  );
  const files = hosts.flatMap((folder) => [`${folder}/fullchain.pem`, `${folder}/privkey.pem`]);
  const markers = ["/home/ops/maintenance.flag", "/home/ops/off.flag", "/var/www/shop/off.flag"];
  const grants = readGrants([...files, ...markers], WITHHELD);
  assert.deepEqual(new Set(grants), new Set([...markers, ...hosts.map((folder) => `${folder}/*`)]));
});

test("thousands of files beside the configuration, which no folder can stand for, widen nothing else", () => {
  const beside = Array.from(
    { length: 16_000 },
    (_, index) => `/etc/latchkey/host-${index}.example.pem`,
  );
  const others = [
    "/etc/letsencrypt/live/a/chain.pem",
    "/etc/letsencrypt/live/a/key",
    "/home/ops/off.flag",
  ];
  const files = [...beside, ...others];
  assert.deepEqual(readGrants(files, WITHHELD), files);
  const crowd = Array.from({ length: 16_000 }, (_, index) => `/srv/tls/host-${index}.example.pem`);
  assert.deepEqual(
    new Set(readGrants([...files, ...crowd], WITHHELD)),
    new Set([...files, "/srv/tls/*"]),
  );
});

test("thousands of folders far from each other are widened each for itself, and no more than must be", () => {
  const files = Array.from({ length: 8_000 }, (_, index) =>
    ["chain.pem", "key.pem"].map((name) => `/home/user-${index}/certificates/of/${name}`),
  ).flat();
  const grants = readGrants(files, WITHHELD, 500_000);
  const isFolder = (grant: string) => grant.endsWith("/certificates/of/*");
  assert.ok(grants.every((grant) => isFolder(grant) || files.includes(grant)));
  const bytes = grants.join("").length;
  assert.ok(bytes <= 500_000 && bytes > 499_900, String(bytes));
});
