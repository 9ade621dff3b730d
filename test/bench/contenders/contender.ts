import type { ChildProcess } from "node:child_process";
import { connect } from "node:tls";
import { HOST, type Scene } from "../scene.ts";

/** How a contender is to run. */
export interface Setup {
  readonly workers: 1 | 2;
  /** Does it write a line for every request into a file? */
  readonly logs: boolean;
}

/** A program that is measured. */
export interface Contender {
  readonly name: string;
  /** Where it takes TLS, on 127.0.0.1, as {@link HOST}. */
  readonly port: number;
  /** The root of its processes. */
  readonly pid: number;
}

/** Starts a contender in a scene; resolves when it answers. */
export interface Maker {
  readonly name: string;
  /** The program that must be on the PATH; none: it is ourselves. */
  readonly needs: string | undefined;
  /** Prints which version it is. */
  readonly version: readonly [program: string, ...args: readonly string[]];
  start(scene: Scene, setup: Setup): Promise<Contender>;
}

/** Paths that go to the service for uploads and WebSockets; all others are files. */
export const SINK_PREFIX = "/sink";

const PATIENCE_MS = 30_000;

/** The contender, once it makes handshakes. */
export async function whenReady(
  name: string,
  port: number,
  child: ChildProcess,
): Promise<Contender> {
  const giveUpAt = performance.now() + PATIENCE_MS;
  while (!(await shakesHands(port))) {
    if (child.exitCode !== null || performance.now() > giveUpAt)
      throw new Error(`Cannot start ${name}: it takes no connection on port ${port}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return { name, port, pid: child.pid ?? 0 };
}

function shakesHands(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({
      host: "127.0.0.1",
      port,
      servername: HOST,
      rejectUnauthorized: false,
    });
    socket.once("secureConnect", () => resolve(true));
    socket.on("error", () => resolve(false));
    socket.once("close", () => resolve(false));
    socket.once("secureConnect", () => socket.destroy());
  });
}
