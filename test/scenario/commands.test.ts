import assert from "node:assert/strict";
import { chmod, mkdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";
import { makeCertificate } from "../support/certificates.ts";
import { runProgram } from "../support/client-program.ts";
import { temporaryFolder } from "../support/folders.ts";

const folder = await temporaryFolder();
after(() => folder[Symbol.asyncDispose]());

const run = (...args: readonly string[]) => runProgram("sh", ["src/latchkey.sh", ...args]);

/** A configuration file with this text. */
async function configured(name: string, text: string): Promise<string> {
  const file = join(folder.path, name);
  await writeFile(file, text);
  return file;
}

test("before the first run, certs and status say what waits, and end with 0", async () => {
  const text = `storage: never/made
hosts:
  a.localhost: { respond: ok }
  b.localhost: { passThrough: 127.0.0.1:1 }
`;
  const file = await configured("new.yaml", text);
  const certs = await run("certs", "--json", "--config", file);
  assert.deepEqual([certs.code, certs.stderr], [0, ""]);
  const states = JSON.parse(certs.stdout).hosts.map(
    ({ host, state }: Readonly<Record<string, unknown>>) => [host, state],
  );
  assert.deepEqual(states, [
    ["a.localhost", "waiting"],
    ["b.localhost", "pass-through"],
  ]);
  const table = await run("certs", "--config", file);
  assert.equal(table.code, 0);
  assert.match(table.stderr, /^latchkey is not running/);
  const status = await run("status", "--config", file);
  assert.equal(status.code, 0);
  assert.match(status.stdout, /not running.*^a\.localhost +waiting .*waits for its turn$/ms);
});

test("check prints the routing table", async () => {
  const text = `
hosts:
  shop.example: 3001
  old.example: { redirect: shop.example }
`;
  const { code, stdout, stderr } = await run("check", "--config", await configured("c.yaml", text));
  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(stdout, /^shop\.example +→ http:\/\/127\.0\.0\.1:3001 +letsencrypt$/m);
  assert.match(stdout, /^old\.example +redirect 308 https:\/\/shop\.example +letsencrypt$/m);
});

test("check warns of a host that leads to port 80, and of certificates given by hand whose time is over or has not come, or that few hosts can have", async () => {
  const [now, day] = [Date.now(), 86_400_000];
  const names = ["a.shop.example"];
  const pairs = {
    over: makeCertificate({ names, notAfter: now - day }),
    early: makeCertificate({ names, notBefore: now + day }),
    narrow: makeCertificate({ names }),
  };
  for (const [name, { chain, key }] of Object.entries(pairs)) {
    await configured(`${name}.pem`, chain);
    await configured(`${name}.key`, key);
  }
  const given = (name: string) => `certificate: { chain: ${name}.pem, key: ${name}.key }`;
  const text = `hosts:
  a.shop.example: { respond: ok, ${given("over")} }
  "*.shop.example": { respond: ok, ${given("narrow")} }
  "*": { respond: ok, ${given("early")} }
  web.internal: 80
`;
  const { code, stderr } = await run("check", "--config", await configured("warned.yaml", text));
  assert.equal(code, 0, stderr);
  const told = stderr.trimEnd().split("\n");
  const wanted = [
    /^latchkey: .*warned\.yaml:5:3: hosts\["web\.internal"\]\.to: leads to :80, .*listen\.http: \[\]/,
    /^latchkey: .* for a\.shop\.example: it expired \d{4}-/,
    /^latchkey: .* for \*\.shop\.example: of \*\.shop\.example it is for "a\.shop\.example" alone/,
    /^latchkey: .* for \*: it is not valid before \d{4}-/,
  ];
  assert.equal(told.length, wanted.length, stderr);
  for (const [index, line] of told.entries()) assert.match(line, wanted[index] ?? /^$/);
});

test("check names an access log that run could not open, at its place, and makes none", async () => {
  const host = "hosts: { up.localhost: { respond: ok } }\n";
  for (const [access, why] of [
    ["none/a.log", /there is no folder .*none/],
    [".", /it is a folder/],
  ] as const) {
    const file = await configured("logged.yaml", `log: { access: ./${access} }\n${host}`);
    const { code, stderr } = await run("check", "--config", file);
    assert.equal(code, 2, access);
    assert.match(stderr, /^\S+logged\.yaml:1:16: log\.access: cannot append to /);
    assert.match(stderr, why);
  }
  const file = await configured("logged.yaml", `log: { access: ./new.log }\n${host}`);
  assert.equal((await run("check", "--config", file)).code, 0);
  await assert.rejects(stat(join(folder.path, "new.log")), { code: "ENOENT" });
});

const FAULTS = `
wrokers: 2
hosts:
  shop.example: { to: 3001, respnod: x }
  "*.example": 3002
  SHOP.example: 99999
`;

for (const command of ["check", "run"]) {
  test(`${command} tells every fault with its place, and ends with 2`, async () => {
    const file = await configured("faults.yaml", FAULTS);
    const { code, stdout, stderr } = await run(command, "--config", file);
    assert.deepEqual([code, stdout], [2, ""]);
    const lines = stderr.trimEnd().split("\n");
    const places = [
      /:2:1: wrokers: .*workers/,
      /:4:29: hosts\["shop\.example"\]\.respnod: .*respond/,
      /:5:3: hosts\["\*\.example"\].*: .*onDemand/,
      /:6:3: hosts\["SHOP\.example"\]: /,
      /:6:17: hosts\["SHOP\.example"\]: /,
    ];
    assert.equal(lines.length, places.length, stderr);
    for (const place of places)
      assert.ok(
        lines.some((line) => place.test(line)),
        `${place}\n${stderr}`,
      );
  });
}

/** What stands where the storage should, what `check` says of it, and how it ends. */
const storages: readonly {
  readonly what: string;
  readonly make: (path: string) => Promise<unknown>;
  readonly told: RegExp;
  readonly code: number;
}[] = [
  { what: "nothing", make: async () => {}, told: /^$/, code: 0 },
  {
    what: "a file",
    make: (path) => writeFile(path, ""),
    told: /:1:10: storage: .*"[^"]+" is not a folder; Name another folder/,
    code: 2,
  },
  {
    what: "a newer format",
    make: async (path) => {
      await mkdir(path, { mode: 0o700 });
      await writeFile(join(path, "FORMAT"), "999\n");
    },
    told: /:1:10: storage: .*a newer Latchkey wrote it/,
    code: 2,
  },
  {
    what: "a folder that all may read",
    make: async (path) => {
      await mkdir(path);
      await chmod(path, 0o755);
    },
    told: /^latchkey: .*open to other users \(mode 755\).*The next start tightens it to 700\n$/,
    code: 0,
  },
];

for (const { what, make, told, code } of storages) {
  test(`check of a storage that is ${what} ends with ${code}, and changes nothing`, async () => {
    const path = join(folder.path, `storage of ${what}`);
    await make(path);
    const before = await stat(path).catch(() => undefined);
    const text = `storage: ${path}\nhosts: { shop.example: 3001 }\n`;
    const file = await configured("storage.yaml", text);
    const check = await run("check", "--config", file);
    assert.equal(check.code, code, check.stderr);
    assert.match(check.stderr, told);
    assert.equal(check.stdout === "", code === 2);
    const after = await stat(path).catch(() => undefined);
    assert.deepEqual([after?.mode, after?.mtimeMs], [before?.mode, before?.mtimeMs]);
  });
}

test("doctor says of a storage that is none what is wrong with it, and ends with 1", async () => {
  const path = join(folder.path, "no folder");
  await writeFile(path, "");
  const file = await configured("no.yaml", `storage: ${path}\nhosts: { shop.example: 3001 }\n`);
  const { code, stdout, stderr } = await run("doctor", "--json", "--config", file);
  assert.deepEqual([code, stderr], [1, ""]);
  const [finding] = JSON.parse(stdout).machine;
  assert.deepEqual([finding.severity, finding.code], ["problem", "storage.unusable"]);
  assert.match(finding.saw, /is not a folder/);
});

const usage: readonly [args: readonly string[], code: number, told: RegExp][] = [
  [["--help"], 0, /Usage: latchkey/],
  [["check", "--help"], 0, /--config <file>/],
  [["--version"], 0, /^\d+\.\d+\.\d+\n$/],
  [["chekc"], 2, /unknown command 'chekc'/],
  [["check", "--port", "1"], 2, /unknown option '--port'/],
  [["check", "--config", "/nowhere/latchkey.yaml"], 2, /Cannot .*\/nowhere\/latchkey\.yaml/],
];

for (const [args, code, told] of usage) {
  test(`latchkey ${args.join(" ")} ends with ${code}`, async () => {
    const outcome = await run(...args);
    assert.equal(outcome.code, code);
    assert.match(code === 0 ? outcome.stdout : outcome.stderr, told);
  });
}
