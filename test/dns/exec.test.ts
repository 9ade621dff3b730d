import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { createExec } from "../../src/dns/exec.ts";

const never = new AbortController().signal;
const folder = mkdtempSync(join(tmpdir(), "latchkey-exec-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const record = { name: "_acme-challenge.shop.example", value: "v4lue_-" };
const environment = {};

function script(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  return path;
}

test("the program gets lego's arguments, behind its own, and no environment but its own and what every program needs", async () => {
  const out = join(folder, "out");
  const program = script("told", `printf '%s|' "$@" "$TOKEN" "\${USER_TOKEN:-none}" >>"$OUT"`);
  const command = [program, "$(id)", "a b"];
  process.env["USER_TOKEN"] = "of Latchkey's own environment";
  const provider = createExec({
    command,
    environment: { OUT: out, TOKEN: "secret" },
    timeoutMs: 10_000,
  });
  await provider.publish(record, never);
  await provider.remove(record, never);
  const rest = "_acme-challenge.shop.example.|v4lue_-|secret|none|";
  assert.equal(readFileSync(out, "utf8"), `$(id)|a b|present|${rest}$(id)|a b|cleanup|${rest}`);
});

const failures = [
  [
    "an exit code",
    script("fails", "echo 'no such zone' >&2; exit 3"),
    /ended with 3: no such zone$/,
  ],
  ["a signal", script("dies", "kill -9 $$"), /SIGKILL ended it$/],
  ["a program that is not there", join(folder, "absent"), /there is no such program$/],
] as const;

for (const [what, program, says] of failures) {
  test(`${what} is a failure that says so`, async () => {
    const provider = createExec({ command: [program], environment, timeoutMs: 10_000 });
    await assert.rejects(provider.publish(record, never), {
      code: "DNS_FAILED",
      message: says,
    });
  });
}

test("what the program says of its own variables is told without them, however it is cut", async () => {
  const secrets = { TOKEN: "cf-0123456789abcdef", LONG: "k".repeat(700), ON: "yes" };
  const told: readonly (readonly [says: string, seen: RegExp])[] = [
    [`echo "bad token $TOKEN, yes" >&2`, /ended with 1: bad token \[TOKEN\], yes$/],
    [`printf cf-012345 >&2; sleep 0.1; printf 6789abcdef >&2`, /: \[TOKEN\]$/],
    [`printf "%s%0490d" "$TOKEN" 0 >&2`, /: \[?TOKEN\]0{490}$/],
    [`printf "%s!" "$LONG" >&2`, /: \[LONG\]!$/],
  ];
  for (const [says, seen] of told) {
    const command = [script("tells", `${says}; exit 1`)];
    const provider = createExec({ command, environment: secrets, timeoutMs: 10_000 });
    await assert.rejects(provider.publish(record, never), ({ message }: Error) => {
      assert.match(message, seen);
      assert.ok(!/abcdef|kkkk/.test(message), message);
      return true;
    });
  }
});

test("a program that takes too long is killed with everything it started", async () => {
  const pids = join(folder, "pids");
  const slow = script("slow", `sleep 60 & echo "$! $$" >${pids}; wait`);
  const provider = createExec({ command: [slow], environment, timeoutMs: 1_000 });
  await assert.rejects(provider.publish(record, never), {
    code: "DNS_FAILED",
    message: /killed after 1 s$/,
  });
  for (const pid of readFileSync(pids, "utf8").trim().split(" ")) assert.ok(hasEnded(pid), pid);
});

test("an end of everything ends the program too", async () => {
  const provider = createExec({
    command: [script("endless", "sleep 60")],
    environment,
    timeoutMs: 60_000,
  });
  const stop = new AbortController();
  const attempt = provider.publish(record, stop.signal);
  stop.abort(new Error("stopped"));
  await assert.rejects(attempt, { message: "stopped" });
});

/** Gone, or a zombie that nobody has collected yet. */
function hasEnded(pid: string): boolean {
  const status = `/proc/${pid}/stat`;
  return !existsSync(status) || /\) Z /.test(readFileSync(status, "utf8"));
}
