import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { test } from "node:test";
import { formatFault } from "../../src/config/faults.ts";
import { formatPattern } from "../../src/config/host-pattern.ts";
import { limits } from "../../src/config/limits.ts";
import { loadConfig } from "../../src/config/load.ts";
import { makeCertificate } from "../support/certificates.ts";
import { temporaryFolder } from "../support/folders.ts";

/** Loads `edge.yaml` out of a folder with these files. */
async function load(files: Readonly<Record<string, string | Buffer>>, environment = {}) {
  await using folder = await temporaryFolder();
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder.path, name)), { recursive: true });
    await writeFile(join(folder.path, name), text);
  }
  const loaded = await loadConfig(join(folder.path, "edge.yaml"), environment);
  const told = (faults: readonly Parameters<typeof formatFault>[0][]) =>
    faults.map((fault) => formatFault(fault).replace(`${folder.path}/`, ""));
  return {
    root: folder.path,
    config: loaded.ok ? loaded.config : undefined,
    hosts: loaded.ok ? loaded.config.hosts.map(({ pattern }) => formatPattern(pattern)) : [],
    faults: loaded.ok
      ? []
      : told(loaded.faults).map((text) => text.replaceAll(`${folder.path}/`, "")),
    warnings: loaded.ok ? told(loaded.warnings) : [],
  };
}

const SITES = "include: sites/*.yaml\n";

test("included files bring their hosts behind those of the file, in the order of their names", async () => {
  const { hosts, config, root } = await load({
    "edge.yaml": `${SITES}hosts: { a.example: 3001 }`,
    "sites/20.yaml": "hosts: { c.example: 3003 }",
    "sites/10.yaml": "\ufeffhosts:\n  b.example: 3002\n",
    "sites/.draft.yaml": "nonsense",
    "sites/notes.txt": "nonsense",
  });
  assert.deepEqual(hosts, ["a.example", "b.example", "c.example"]);
  assert.deepEqual(
    config?.sources.map(({ file }) => relative(root, file)),
    ["edge.yaml", "sites/10.yaml", "sites/20.yaml"],
  );
});

test("a file may hold no hosts of its own, and several may be included by name", async () => {
  const { hosts } = await load({
    "edge.yaml": 'include: [one.yaml, more/two.yaml, "o*.yaml"]',
    "one.yaml": "hosts: { a.example: 3001 }",
    "more/two.yaml": "hosts: { b.example: 3002 }",
  });
  assert.deepEqual(hosts, ["a.example", "b.example"]);
});

test("a pattern that leads to the file itself passes it over", async () => {
  const { hosts } = await load({
    "edge.yaml": 'include: "*.yaml"\nhosts: { a.example: 3001 }',
    "other.yaml": "hosts: { b.example: 3002 }",
  });
  assert.deepEqual(hosts, ["a.example", "b.example"]);
});

test("relative paths are relative to the file that they stand in", async () => {
  const { chain, key } = makeCertificate({ names: ["b.example"] });
  const { config, root, faults } = await load({
    "edge.yaml": `${SITES}hosts: { a.example: 3001 }`,
    "sites/b.yaml": "hosts: { b.example: { to: 3002, certificate: { chain: b.pem, key: b.key } } }",
    "sites/b.pem": chain,
    "sites/b.key": key,
  });
  assert.deepEqual(faults, []);
  const source = config?.hosts[1]?.certificate;
  assert.equal(source?.kind === "manual" && source.chain, join(root, "sites/b.pem"));
});

test("a file that is empty, or all comments, brings nothing", async () => {
  const { hosts } = await load({
    "edge.yaml": `${SITES}hosts: { a.example: 3001 }`,
    "sites/b.yaml": "# hosts:\n#   b.example: 3002\n",
  });
  assert.deepEqual(hosts, ["a.example"]);
});

test("a pattern that leads to no file is told, and is no fault", async () => {
  const { hosts, warnings } = await load({
    "edge.yaml": `${SITES}hosts: { a.example: 3001 }`,
    "sites/b.yml": "",
  });
  assert.deepEqual(hosts, ["a.example"]);
  assert.deepEqual(warnings, [
    "edge.yaml:1:10: include: leads to no file, wanted one such as sites/shop.yaml",
  ]);
});

test("commands that only find their program need no included file", async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, "edge.yaml");
  await writeFile(file, "include: gone.yaml\nhosts: { a.example: 3001 }");
  assert.ok((await loadConfig(file)).ok);
  assert.ok(!(await loadConfig(file, {})).ok);
});

for (const [what, text] of [
  ["no YAML", "{"],
  ["a fault", "hosts: { b.example: { to: 3001, foo: 1 } }"],
] as const) {
  test(`nor do they mind one that holds ${what}, also where the file has no hosts of its own`, async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, "edge.yaml");
    await writeFile(file, "include: b.yaml\nstorage: kept\n");
    await writeFile(join(folder.path, "b.yaml"), text);
    const loaded = await loadConfig(file);
    assert.ok(loaded.ok);
    assert.equal(loaded.config.storage, join(folder.path, "kept"));
    assert.ok(!(await loadConfig(file, {})).ok);
  });
}

test("no line of a file that is something else is repeated", async () => {
  const { faults } = await load({
    "edge.yaml": "include: sites/*\nhosts: { a.example: 3001 }",
    "sites/passwd": "root:$6$SECRET:19000:::\nuser:SECRET: x\nuser:SECRET: x\n",
  });
  assert.ok(faults.length > 0);
  assert.ok(!faults.join("\n").includes("SECRET"), faults.join("\n"));
});

test("a pattern of many stars is as quick as another", async () => {
  const name = `${"a".repeat(200)}.yaml`;
  const { hosts } = await load({
    "edge.yaml": `include: "sites/${"*a".repeat(100)}*.yaml"\nhosts: { a.example: 3001 }`,
    [`sites/${name}`]: "hosts: { b.example: 3001 }",
    [`sites/${"a".repeat(200)}.yml`]: "hosts: { c.example: 3001 }",
  });
  assert.deepEqual(hosts, ["a.example", "b.example"]);
});

/** Faults as they are told, with the files that make them. */
const wrong: readonly (readonly [
  what: string,
  files: Readonly<Record<string, string | Buffer>>,
  ...faults: string[],
])[] = [
  [
    "a host that stands in two files",
    {
      "edge.yaml": `${SITES}hosts: { a.example: 3001 }`,
      "sites/b.yaml": "hosts:\n  b.example: 3001\n  a.example: 3002\n",
      "sites/c.yaml": "hosts:\n  B.example: 3001\n",
    },
    'sites/b.yaml:3:3: hosts["a.example"]: stands on line 2 of edge.yaml already, wanted each host once',
    'sites/c.yaml:2:3: hosts["B.example"]: "b.example" stands on line 2 of sites/b.yaml already, wanted each host once',
  ],
  [
    "an unknown key of a host, in its own file and line",
    {
      "edge.yaml": `${SITES}hosts: { a.example: 3001 }`,
      "sites/b.yaml": "hosts:\n  b.example: { to: 3001, maxbody: 1KiB }\n",
    },
    'sites/b.yaml:2:26: hosts["b.example"].maxbody: is not a known key, nearest is "maxBody"',
  ],
  [
    "a setting in an included file",
    {
      "edge.yaml": `${SITES}hosts: { a.example: 3001 }`,
      "sites/b.yaml": "email: me@shop.example\nhost: {}\n",
    },
    "sites/b.yaml:1:1: email: is not read in an included file, wanted `hosts:` alone",
    "sites/b.yaml:2:1: host: is not read in an included file, wanted `hosts:` alone (nearest: hosts)",
  ],
  [
    "hosts without `hosts:`",
    {
      "edge.yaml": `${SITES}hosts: { a.example: 3001 }`,
      "sites/b.yaml": "- b.example\n",
      "sites/c.yaml": "hosts: [c.example]\n",
    },
    "sites/b.yaml:1:1: file: is not a mapping, wanted `hosts:` and what is under it",
    "sites/c.yaml:1:8: hosts: is not a mapping, wanted hosts such as { store.shop.example: 3001 }",
  ],
  [
    "text that is no YAML",
    {
      "edge.yaml": `${SITES}hosts: { a.example: 3001 }`,
      "sites/b.yaml": "hosts: { b.example: 3001\n",
      "sites/c.yaml": "hosts:\n  *.example: 3001\n",
    },
    "sites/b.yaml:1:8: file: opens a { that is not closed, wanted a }",
    'sites/c.yaml:2:3: hosts["*.example"]: starts with an unquoted *, which YAML takes for an alias: quote it: "*.example"',
  ],
  [
    "a file that is not there, and a folder that is not",
    { "edge.yaml": "include: [gone.yaml, no/*.yaml]\nhosts: { a.example: 3001 }" },
    "edge.yaml:1:11: include[0]: leads to gone.yaml, which does not exist, wanted the path of a file (relative to this one)",
    "edge.yaml:1:22: include[1]: leads into no, which does not exist, wanted a folder that is there",
  ],
  [
    "a folder in place of a file",
    { "edge.yaml": `${SITES}hosts: { a.example: 3001 }`, "sites/b.yaml/c": "" },
    "edge.yaml:1:10: include: leads to sites/b.yaml, which is not a file, wanted the path of one",
  ],
  [
    "bytes that are no text",
    {
      "edge.yaml": `${SITES}hosts: { a.example: 3001 }`,
      "sites/b.yaml": Buffer.from([0x68, 0xff, 0xfe]),
    },
    "edge.yaml:1:10: include: leads to sites/b.yaml, which is not UTF-8, wanted text in UTF-8",
  ],
  [
    "a * in a folder",
    { "edge.yaml": "include: s*/b.yaml\nhosts: { a.example: 3001 }" },
    "edge.yaml:1:10: include: has a * in a folder, wanted it in the name of the files, such as sites/*.yaml",
  ],
  [
    "an access log that would be read as hosts",
    {
      "edge.yaml":
        "include: sites/*\nlog: { access: sites/access.log }\nhosts: { a.example: 3001 }",
      "sites/b.yaml": "hosts: { b.example: 3002 }",
    },
    "edge.yaml:2:16: log.access: is a file that `include` leads to, wanted a file that is for nothing else",
  ],
  [
    "no hosts anywhere",
    { "edge.yaml": "include: b.yaml\n", "b.yaml": "" },
    "edge.yaml:1:1: hosts: is missing, wanted hosts such as { store.shop.example: 3001 }",
  ],
];

for (const [what, files, ...expected] of wrong) {
  test(`${what} is told where it stands`, async () => {
    const { faults } = await load(files);
    assert.deepEqual(faults, expected);
  });
}

test("more files than a configuration may have are one fault, and none is read", async () => {
  const many = Array.from({ length: limits.includedFilesMax + 1 }, (_, at) => [
    `sites/${at}.yaml`,
    "x",
  ]);
  const { faults } = await load({ "edge.yaml": SITES, ...Object.fromEntries(many) });
  assert.match(
    faults[0] ?? "",
    /^edge.yaml:1:10: include: leads to more than 1000 files, wanted fewer$/,
  );
});

test("all files together are no larger than one may be", async () => {
  const half = `# ${"x".repeat(limits.configMaxBytes / 2)}\n`;
  const { faults } = await load({
    "edge.yaml": `${SITES}hosts: { a.example: 3001 }`,
    "sites/a.yaml": half,
    "sites/b.yaml": half,
  });
  assert.equal(faults.length, 1);
  assert.match(faults[0] ?? "", /include: leads to sites\/b\.yaml, which is larger than /);
});
