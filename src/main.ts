import { holdHangups } from "./base/early-hangups.ts";
import { refuseOldNode } from "./base/node-version.ts";

/** What follows SIGHUP once it runs; all other commands end by it, as usual. */
const FOLLOWING = ["run", "demo", "proxy"];

if (FOLLOWING.includes(process.argv[2] ?? "")) holdHangups();
refuseOldNode(process.versions.node);
const { runProgram } = await import("./cli/program.ts");
process.exitCode = await runProgram(process.argv.slice(2));
// Everything is said and closed. What Node takes down now needs no tidying, and a signal that comes in those
// tens of milliseconds would end the program in its own way, not with this exit code.
process.once("beforeExit", () => process.exit());
