import { refuseOldNode } from "./base/node-version.ts";

refuseOldNode(process.versions.node);
const { runProgram } = await import("./cli/program.ts");
process.exitCode = await runProgram(process.argv.slice(2));
// Everything is said and closed. What Node takes down now needs no tidying, and a signal that comes in those
// tens of milliseconds would end the program in its own way, not with this exit code.
process.once("beforeExit", () => process.exit());
