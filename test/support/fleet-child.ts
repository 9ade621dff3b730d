import { Channel } from "../../src/process/channel.ts";
import type { Address } from "../../src/process/messages.ts";

/**
 * A child process that does what its title says: `works` (ready, and leaves when told), `dies`
 * (before it is ready), `waits` (never ready, but its event loop turns), `repeats` (says twice that
 * it is ready), `pretends` (speaks to the manager as only the supervisor may).
 */
const mode = process.title;
const { channel } = await Channel.connect(process.argv[2] as Address);

if (mode === "dies") process.exit(3);
if (mode !== "waits") {
  channel.open({
    message: ({ type }) => {
      if (type === "drain") process.exit(0);
    },
    orphaned: () => process.exit(1),
  });
  await new Promise((resolve) => setImmediate(resolve)); // to listen takes a turn of the loop
  if (mode === "pretends") {
    channel.send("manager", { type: "peers", manager: true, workers: [] });
    channel.send("manager", { type: "drain", deadlineMs: 0 });
  }
  channel.send("supervisor", { type: "ready" });
  if (mode === "repeats") channel.send("supervisor", { type: "ready" });
  if (mode === "closes") channel.send("supervisor", { type: "closed" });
}
