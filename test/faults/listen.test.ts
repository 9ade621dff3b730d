import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";

const program = join(import.meta.dirname, "listen-program.ts");

/** What the program says whose first socket, which is one of IPv6, is refused as `error` says. */
function listenWithout(error: string) {
  const inject = ["-e", "trace=socket", "-e", `inject=socket:error=${error}:when=1..3+2`];
  const strace = ["-f", "-qq", "-o", "/dev/null", ...inject];
  const { stdout, stderr } = spawnSync("strace", [...strace, process.execPath, program], {
    env: { ...process.env, NODE_OPTIONS: "" },
    encoding: "utf8",
    timeout: 30_000,
  });
  return stdout === "" ? assert.fail(stderr) : JSON.parse(stdout);
}

test("N5: where the kernel knows no IPv6, every address is every one of IPv4, and that is warned of once", () => {
  const told = { reached: [true, true], warned: ["listen.ipv4-only"] };
  assert.deepEqual(listenWithout("EAFNOSUPPORT"), told);
});
