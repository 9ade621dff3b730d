import { refuseOldNode } from "./base/node-version.ts";

refuseOldNode(process.versions.node);
const { runProgram } = await import("./cli/program.ts");
process.exitCode = await runProgram(process.argv.slice(2));
