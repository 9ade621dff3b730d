/** A child that only says what it hears: the first message, then each of the others until `drain`. */
import { Channel } from "../../src/process/channel.ts";

const { channel, configure } = await Channel.connect("manager");
const heard: string[] = [configure.type];
channel.open({
  message: ({ type }, from) => {
    heard.push(`${type} of ${from}`);
    if (type !== "drain") return;
    process.stdout.write(JSON.stringify(heard), () => process.exit(0));
  },
  orphaned: () => process.exit(1),
});
