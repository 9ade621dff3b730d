import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { describeChanges, describeRoutes } from "../../src/config/describe.ts";
import { diskFiles } from "../../src/config/files.ts";
import { parseConfig } from "../../src/config/load.ts";
import { withoutSecrets } from "../../src/config/secret.ts";
import { configOf, faultsOf } from "../support/config-text.ts";

const folder = mkdtempSync(join(tmpdir(), "latchkey-dashboard-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, "latchkey.yaml");
const TOKEN = "correct-horse-battery";
writeFileSync(join(folder, "token"), `${TOKEN}\n`);
const environment = { TOKEN, SPACED: "correct horse battery" };
const textOf = (dashboard: string) =>
  `listen: { dashboard: ${dashboard} }\nhosts: { a.example: 3001 }\n`;

/** What is written, and the dashboard that it means: host, port and token. */
const right: readonly (readonly [string, string | undefined, number, string | undefined])[] = [
  ["127.0.0.1:9180", "127.0.0.1", 9_180, undefined],
  ["127.8.9.1:9180", "127.8.9.1", 9_180, undefined],
  ["localhost:9180", "localhost", 9_180, undefined],
  ['"[::1]:9180"', "::1", 9_180, undefined],
  ["{ listen: 127.0.0.1:9180 }", "127.0.0.1", 9_180, undefined],
  [`{ listen: ":9180", token: ${TOKEN} }`, undefined, 9_180, TOKEN],
  ["{ listen: 0.0.0.0:9180, token: env:TOKEN }", "0.0.0.0", 9_180, TOKEN],
  ['{ listen: "[::]:9180", token: file:token }', "::", 9_180, TOKEN],
  ["{ listen: edge.internal:9180, token: env:TOKEN }", "edge.internal", 9_180, TOKEN],
];

for (const [written, host, port, token] of right) {
  test(`dashboard: ${written} is read`, () => {
    const { dashboard } = configOf(textOf(written), file, environment).listen;
    assert.deepEqual(dashboard, { address: { kind: "tcp", host, port }, token });
  });
}

const OPEN = /can be reached from other machines, wanted a loopback address such as .*token/;
/** What is written, and the one fault that is told, and where. */
const wrong: readonly (readonly [string, string, RegExp])[] = [
  ["on", "listen.dashboard", /says no address, wanted one such as/],
  ["true", "listen.dashboard", /is a switch that is on, wanted off, or an address/],
  ["9180", "listen.dashboard", /is a number, wanted off, or an address/],
  ['":9180"', "listen.dashboard", OPEN],
  ["0.0.0.0:9180", "listen.dashboard", OPEN],
  ['"[::]:9180"', "listen.dashboard", OPEN],
  ["192.0.2.7:9180", "listen.dashboard", OPEN],
  ["127.0.0.1.example:9180", "listen.dashboard", OPEN],
  ["localhost.example:9180", "listen.dashboard", OPEN],
  ["{ listen: 10.0.0.1:9180 }", "listen.dashboard.listen", OPEN],
  [`{ token: ${TOKEN} }`, "listen.dashboard.listen", /is missing, wanted an address/],
  ["{ listen: 127.0.0.1:9180, token: short }", "listen.dashboard.token", /is 5 characters long/],
  ["{ listen: 0.0.0.0:1, token: env:SPACED }", "listen.dashboard.token", /no visible ASCII/],
  ["{ listen: 0.0.0.0:1, token: env:ABSENT }", "listen.dashboard.token", /is not set, wanted ABS/],
  ["127.0.0.1", "listen.dashboard", /is not an address, wanted host:port/],
  ['"::1:9180"', "listen.dashboard", /wanted \[ \] around an IPv6 address/],
  ["127.0.0.1:70000", "listen.dashboard", /has a port out of range/],
  ["{ listen: 127.0.0.1:9180, tokn: x }", "listen.dashboard.tokn", /nearest is "token"/],
];

for (const [written, path, says] of wrong) {
  test(`dashboard: ${written} is a fault`, () => {
    const [fault, ...others] = faultsOf(textOf(written), file, environment);
    assert.equal(fault?.path, path);
    assert.match(fault?.message ?? "", says);
    assert.deepEqual(others, []);
  });
}

test("only the manager knows the dashboard, and no table shows its token", () => {
  const config = configOf(textOf("{ listen: 0.0.0.0:9180, token: env:TOKEN }"), file, environment);
  const other = configOf(textOf("off"), file, environment);
  assert.match(describeRoutes(config), /^dashboard {2}0\.0\.0\.0:9180 \(with a token\)$/m);
  assert.doesNotMatch(describeRoutes(other), /^dashboard/m);
  assert.deepEqual(describeChanges(config, other), ["~ listen"]);
  for (const shown of [describeRoutes(config), JSON.stringify(withoutSecrets(config))])
    assert.ok(!shown.includes(TOKEN));
});

test("a command that only looks for its program needs no token", () => {
  const text = textOf("{ listen: 0.0.0.0:9180, token: env:ABSENT }");
  assert.ok(parseConfig(text, { file, files: diskFiles, cores: 1 }).ok);
});
