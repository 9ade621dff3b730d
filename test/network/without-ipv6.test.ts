import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

const program = join(import.meta.dirname, "without-ipv6-program.ts");
/** A network of its own in ours: what is switched off there is off for nobody else. */
const SWITCH_OFF =
  'ip link set lo up && echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6 && exec "$@"';

test("N5: a machine whose IPv6 is switched off serves IPv4, and is told so once, also over a reload", async () => {
  const { stdout } = await promisify(execFile)(
    "unshare",
    ["--net", "sh", "-c", SWITCH_OFF, "sh", process.execPath, program],
    { timeout: 120_000 },
  );
  assert.deepEqual(JSON.parse(stdout), { isServed: true, warned: ["listen.ipv4-only"] });
});
