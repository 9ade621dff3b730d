/** Runs the program where it listens on every address; says on standard output how a client fared, and what it warned of. */
import { Latchkey } from "../support/latchkey.ts";
import { shakeHands } from "../support/visitor.ts";

const HOST = "shop.localhost";
await using latchkey = await Latchkey.start({
  config: `workers: 1\nhosts: { ${HOST}: { respond: ok } }`,
  listen: 'listen: { https: [":0"], http: [":0"] }',
});
const { serial } = await latchkey.event("certificate.swapped");
const reloaded = latchkey.nextEvent("config.reloaded");
latchkey.process.kill("SIGHUP");
await reloaded;
const shaken = await shakeHands(latchkey, HOST);
const isServed = "serial" in shaken && shaken.serial === serial;
const warned = latchkey.lines.flatMap(({ event, level }) => (level === "warn" ? [event] : []));
process.stdout.write(JSON.stringify({ isServed, warned }));
await latchkey.stop();
