/**
 * Runs the tests. Without arguments: every suite that needs nothing installed and takes no minutes, and
 * says which ones were left out. With names (`pebble`, …): those suites, failing when what they need is
 * missing.
 */
import { spawn, spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import { availableParallelism } from "node:os";

/**
 * Suites apart: those that need an installed program, and what it is, and maybe the script that they run inside;
 * and those that take minutes.
 */
const PEERS: Readonly<
  Record<string, { readonly needs: readonly string[]; readonly inside?: string }>
> = {
  pebble: { needs: ["pebble", "pebble-challtestsrv"] },
  faults: { needs: ["strace"] },
  stories: { needs: [] },
  simulation: { needs: [] },
  bind: { needs: ["named", "pebble", "pebble-challtestsrv"] },
  caddy: { needs: ["caddy", "unshare", "ip"], inside: "test/caddy/own-network.sh" },
};

/** Programs that single tests hold us against; without them those tests are skipped. */
const WITNESSES = ["curl", "openssl"];

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in PEERS));
if (unknown.length > 0)
  fail(`Cannot run suite "${unknown.join('", "')}": known are ${Object.keys(PEERS).join(", ")}`);

const missing = wanted.flatMap((name) =>
  (PEERS[name]?.needs ?? []).filter((program) => !isInstalled(program)),
);
if (missing.length > 0)
  fail(
    `Cannot run: not on the PATH: ${missing.join(", ")} (see CONTRIBUTING.md; .ci/install-peers installs them)`,
  );

const scripts = new Set(wanted.map((name) => PEERS[name]?.inside));
if (scripts.size > 1)
  fail(`Cannot run ${wanted.join(" and ")} at once: each inside of its own script`);
const [script] = scripts;

const peerFolders = Object.keys(PEERS).map((name) => `test/${name}/`);
const files =
  wanted.length > 0
    ? wanted.flatMap((name) => globSync(`test/${name}/**/*.test.ts`))
    : globSync("test/**/*.test.ts").filter(
        (file) => !peerFolders.some((folder) => file.startsWith(folder)),
      );
if (files.length === 0) fail("Cannot run: no test file found");

// Most files wait for other processes: more of them at once than there are processors. No --test-force-exit: it
// cuts off what a file has still to say, and its tests are then missing from the count.
const options = [
  "--test",
  // Suites apart start many programs one after the other.
  `--test-timeout=${wanted.length > 0 ? 300_000 : 120_000}`,
  `--test-concurrency=${2 * availableParallelism()}`,
];
const [program = "", ...args] = [
  ...(script === undefined ? [] : ["sh", script]),
  ...[process.execPath, ...options, ...files.sort()],
];
const child = spawn(program, args, { stdio: "inherit" });
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
// A file that never ends must fail the run, not hold it up for ever.
const watchdog = setTimeout(() => {
  process.stderr.write("Cannot go on: the tests have not ended in half an hour\n");
  child.kill("SIGKILL");
}, 1_800_000);
child.on("exit", (code) => {
  clearTimeout(watchdog);
  if (wanted.length === 0) {
    for (const program of WITNESSES.filter((each) => !isInstalled(each))) {
      process.stdout.write(
        `left out: single tests that need ${program}, which is not installed: apt-get install ${program}\n`,
      );
    }
    for (const [name, { needs }] of Object.entries(PEERS)) {
      const why =
        needs.length > 0
          ? `needs ${needs.join(" and ")}; install with: bash .ci/install-peers`
          : "takes minutes";
      process.stdout.write(`left out: the ${name} suite ${why}; run with: npm run test:${name}\n`);
    }
  }
  process.exitCode = code ?? 1;
});

function isInstalled(program: string): boolean {
  // Servers live in /usr/sbin, which is not on everybody's PATH.
  const find = `PATH="$PATH:/usr/sbin" command -v ${program}`;
  return spawnSync("sh", ["-c", find]).status === 0;
}

function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
