import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

const file = JSON.stringify(pathToFileURL("src/base/collector.ts").href);

/** What a program says that may collect garbage as it likes. */
function saidBy(program: string): string {
  const args = ["--expose-gc", "--input-type=module", "-e", program];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  assert.deepEqual({ status, stderr }, { status: 0, stderr: "" });
  return stdout;
}

test("this V8 knows the flags by which its collector is tuned", () => {
  saidBy(`import { tuneCollector } from ${file}; tuneCollector();`);
});

test("one object of nextTick outlives every collection, and so does the shape of all", () => {
  const said = saidBy(`
    import { createHook } from "node:async_hooks";
    import { setTimeout } from "node:timers/promises";
    import { tuneCollector } from ${file};
    const ticks = [];
    const init = (_id, type, _trigger, resource) => type === "TickObject" && ticks.push(new WeakRef(resource));
    const hook = createHook({ init }).enable();
    process.nextTick(() => {});
    tuneCollector();
    hook.disable();
    await setTimeout(1);
    gc();
    console.log(ticks.map((tick) => tick.deref() !== undefined).join());
  `);
  assert.equal(said, "false,true\n");
});
