import assert from "node:assert/strict";
import { test } from "node:test";
import { describeChanges } from "../../src/config/describe.ts";
import { configOf } from "../support/config-text.ts";

const before = configOf(`workers: 2
hosts:
  stays.localhost: 3001
  goes.localhost: 3002
  moves.localhost: 3003
  inside.localhost: { to: 3004, timeouts: { idle: 1m } }
  guarded.localhost: { to: 3005, deny: [10.0.0.1] }
`);

const rows = [
  { name: "nothing", text: undefined, says: [] },
  {
    name: "hosts that come, go, move and change inside",
    text: `workers: 2
hosts:
  stays.localhost: 3001
  moves.localhost: 4003
  inside.localhost: { to: 3004, timeouts: { idle: 2m } }
  guarded.localhost: { to: 3005 }
  comes.localhost: { respond: ok }
`,
    says: [
      "- goes.localhost  → http://127.0.0.1:3002  internal",
      "~ moves.localhost  → http://127.0.0.1:3003  internal, now → http://127.0.0.1:4003  internal",
      "~ inside.localhost  → http://127.0.0.1:3004  internal",
      "~ guarded.localhost  → http://127.0.0.1:3005 (deny 1)  internal, now → http://127.0.0.1:3005  internal",
      "+ comes.localhost  respond 200  internal",
    ],
  },
  {
    name: "settings, by their key and without their value",
    text: `workers: 3
email: ops@shop.example
hosts:
  stays.localhost: 3001
  goes.localhost: 3002
  moves.localhost: 3003
  inside.localhost: { to: 3004, timeouts: { idle: 1m } }
  guarded.localhost: { to: 3005, deny: [10.0.0.1] }
`,
    says: ["~ email", "~ workers"],
  },
];

for (const { name, text, says } of rows) {
  test(`describeChanges tells ${name}`, () => {
    const after = text === undefined ? before : configOf(text);
    assert.deepEqual(describeChanges(before, after), says);
  });
}
