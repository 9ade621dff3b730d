/**
 * Runs the tests. Without arguments: every suite that needs nothing installed and takes no minutes, and
 * says which ones were left out. With names (`pebble`, …): those suites, failing when what they need is
 * missing.
 */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, globSync, statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, resolve } from "node:path";
import { without } from "./support/programs.ts";
import { type Command, type Job, runJobs } from "./support/test-jobs.ts";

/**
 * Suites apart: those that need an installed program, and what it is, and maybe the script that they run inside;
 * and those that take minutes.
 */
const PEERS: Readonly<
  Record<string, { readonly needs: readonly string[]; readonly inside?: string }>
> = {
  pebble: { needs: ["pebble", "pebble-challtestsrv"] },
  faults: { needs: ["strace", "faketime"] },
  stories: { needs: [] },
  simulation: { needs: [] },
  bind: { needs: ["named", "pebble", "pebble-challtestsrv"] },
  origins: { needs: ["nginx", "apache2", "lighttpd", "h2o", "gunicorn", "haproxy"] },
  scanners: { needs: ["testssl", "slowhttptest"] },
  balancers: { needs: ["haproxy", "nginx", "curl"] },
  clients: { needs: ["curl", "h2load", "nghttp"] },
  browser: { needs: ["chromium", "certutil"] },
  network: { needs: ["nft", "unshare", "ip"], inside: "test/network/own-network.sh" },
  caddy: { needs: ["caddy", "unshare", "ip"], inside: "test/caddy/own-network.sh" },
  systemd: { needs: ["systemd-nspawn", "sudo", "curl"], inside: "test/systemd/own-system.sh" },
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

const perTest = wanted.length > 0 ? 300_000 : 120_000; // suites apart start many programs one after the other
const nodeFlags = ["--test", "--test-isolation=none", `--test-timeout=${perTest}`];
const [program, ...args] = [...(script === undefined ? [] : ["sh", script]), process.execPath];
// What one process has compiled the next one reads, also the programs that tests start: apart from what `npm ci` has
// compiled for the program itself, but that is a beginning.
const compiled = resolve("node_modules/.cache/compiled");
const installed = resolve("node_modules/.cache/latchkey");
if (!existsSync(compiled) && existsSync(installed))
  cpSync(installed, compiled, { recursive: true, preserveTimestamps: true });
const env = { NODE_COMPILE_CACHE: compiled, ...process.env };
spawnSync("sh", ["src/latchkey.sh", "--compile"], { env, stdio: "inherit" });
const command: Command = { program, args: [...args, ...nodeFlags], env };

const stopping = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.on(signal, () => stopping.abort(new Error(`stopped by ${signal}`)));
// Most jobs wait for other processes: more of them at once than there are processors.
const atOnce = 2 * availableParallelism();
const outcome = await runJobs(jobsOf(files), {
  ...{ command, atOnce, signal: stopping.signal },
  print: (text) => process.stdout.write(text),
  // A file that never ends must fail the run by its name, not hold it up: many times what the longest takes,
  // since the machine may be busy with other things.
  deadlineMs: wanted.length > 0 ? 900_000 : 300_000,
  // Not when somebody works on it: what fails once in ten times is a fault, of the test or of the program.
  isFailedRunAgain: process.env["LATCHKEY_TEST_AGAIN"] === "1",
});
process.stdout.write(outcome.summary);
if (wanted.length === 0) tellLeftOut();
process.exitCode = outcome.isGood ? 0 : 1;

/**
 * The tests of a room share a process, since starting it costs more than most files; so do those of the scenarios that
 * share a program. Other scenarios, and suites apart, are a process for each file. The longest begin first, so that none
 * is left over in the end: how long they take shows in the size of their files.
 */
function jobsOf(paths: readonly string[]): readonly Job[] {
  const isAlone = (path: string) => wanted.length > 0 || dirname(path) === "test/scenario";
  const jobs = Map.groupBy([...paths].sort(), (path) => (isAlone(path) ? path : dirname(path)));
  const sizeOf = (job: Job) => job.reduce((sum, path) => sum + statSync(path).size, 0);
  return [...jobs.values()].sort((one, other) => sizeOf(other) - sizeOf(one));
}

function tellLeftOut(): void {
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

function isInstalled(program: string): boolean {
  return without(program) === false;
}

function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
