import { limits } from "../config/limits.ts";

/** What the program does when it is asked to stop or to read its configuration again. */
export interface SignalHandlers {
  /** SIGTERM or SIGINT, the first time. */
  drain(): void;
  /** … and again, more than a second later. */
  stopAtOnce(): void;
  reload(): void;
}

/** Listens for the signals of the program; returns the function after which they are ignored. */
export function onSignals(handlers: SignalHandlers): () => void {
  let firstStopAt: number | undefined;
  const stop = () => {
    const now = performance.now();
    if (firstStopAt === undefined) {
      firstStopAt = now;
      handlers.drain();
    } else if (now - firstStopAt > limits.signalRepeatMs) {
      // Within a second it is the same keypress: a terminal's Ctrl-C reaches npm and us, and npm passes it on.
      handlers.stopAtOnce();
    }
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  process.on("SIGHUP", handlers.reload);
  return () => {
    // Without any listener the system's own answer would end a program that is ending, and not with its exit code.
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, tooLate);
    process.off("SIGTERM", stop);
    process.off("SIGINT", stop);
    process.off("SIGHUP", handlers.reload);
  };
}

function tooLate(): void {}
