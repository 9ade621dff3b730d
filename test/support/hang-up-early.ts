const HANG_UP_EARLY = `
import { registerHooks } from "node:module";
const hangUp = () => process.kill(process.pid, "SIGHUP");
registerHooks({
  load: (url, context, next) => {
    if (url.endsWith("/src/cli/program.ts")) hangUp();
    return next(url, context);
  },
});
process.on("newListener", (name) => {
  if (name === "SIGHUP" && process.listenerCount(name) === 1) setImmediate(hangUp);
});`;

/**
 * Options of Node.js by which a program gets SIGHUP when it has hardly begun, as its first module asks for the second;
 * and again while it starts its children, once the second listener of the signal is there.
 */
export const hangingUpEarly = `--import data:text/javascript;base64,${Buffer.from(HANG_UP_EARLY).toString("base64")}`;
