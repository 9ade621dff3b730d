import { type ChildProcess, spawn } from "node:child_process";
import { Duplex } from "node:stream";
import { limits } from "../../src/config/limits.ts";
import { PIPE_FD } from "../../src/process/channel.ts";
import type { Address, Envelope } from "../../src/process/messages.ts";
import { Pipe, type PipeEvents } from "../../src/process/pipe.ts";

/** A child process with the supervisor's end of its pipe. */
export interface PipedChild extends Disposable {
  readonly process: ChildProcess;
  say(envelope: Envelope): void;
}

/** Starts a composition root, or a program like one, as the supervisor does; ended by its disposal. */
export function startPiped(
  file: string,
  address: Address,
  heard: PipeEvents["message"],
  { flags = [], stdout = "ignore" }: { flags?: readonly string[]; stdout?: "ignore" | "pipe" } = {},
): PipedChild {
  const child = spawn(process.execPath, [...flags, file, address], {
    stdio: ["ignore", stdout, "inherit", "pipe"],
  });
  const socket = child.stdio[PIPE_FD];
  if (!(socket instanceof Duplex)) throw new Error("There is no pipe");
  const events = { message: heard, broken: () => {}, closed: () => {} };
  const pipe = new Pipe(socket, limits.messageMaxBytes, events);
  return {
    process: child,
    say: (envelope) => pipe.send(envelope),
    [Symbol.dispose]: () => void child.kill("SIGKILL"),
  };
}
