import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** A port of this machine on which a connection is neither made nor refused. */
export interface FullListener extends AsyncDisposable {
  readonly port: number;
}

const PROGRAM = `
  require("node:net").createServer().listen({ port: 0, host: "127.0.0.1", backlog: 1 }, function () {
    process.send(this.address().port);
  });
`;

/**
 * A listener that is stopped in its tracks and whose queue is full: the kernel drops every further
 * SYN (Linux), as a firewall or a dead machine would.
 */
export async function startFullListener(): Promise<FullListener> {
  const child = spawn(process.execPath, ["-e", PROGRAM], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const [port] = await once(child, "message");
  child.kill("SIGSTOP");
  const queue: Socket[] = [];
  // A backlog of n holds n + 1 connections.
  for (let index = 0; index < 2; index += 1) {
    const socket = connect(Number(port), "127.0.0.1");
    socket.on("error", () => {});
    await once(socket, "connect");
    queue.push(socket);
  }
  return {
    port: Number(port),
    [Symbol.asyncDispose]: async () => {
      for (const socket of queue) socket.destroy();
      child.kill("SIGKILL");
      await once(child, "exit");
    },
  };
}
