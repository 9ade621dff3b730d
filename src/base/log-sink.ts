import { write, writeSync } from "node:fs";
import { codeOf } from "./errors.ts";

/** A reader that is slower than us, or a full disk, holds up this much; further lines are dropped, and counted. */
const BACKLOG_MAX_BYTES = 4_194_304;
/** Several processes write into one pipe: so much at once is never torn apart (pipe(7), PIPE_BUF). */
const ATOMIC_MAX_BYTES = 4_096;
/**
 * What was not taken is tried again after this: a pipe that does not block has room again as soon as its reader
 * reads. Each time in vain it is twice as long, as for a disk that is full, but no longer than the other.
 */
const RETRY_MS = 10;
const RETRY_MAX_MS = 1_000;
/** A reader that has taken nothing for so long when the process ends is not waited for. */
const STUCK_MS = 250;

/**
 * Where lines go: a pipe, a terminal or a file. Writing never blocks and never throws, whoever reads or does not:
 * a thread waits for the reader. The loop could do that only with a pipe that does not block, which cannot be
 * had: whether it blocks belongs to all processes that share it, and each that starts or ends sets it anew.
 */
export class LogSink {
  readonly #fd: number;
  /** Called, when there is room again, with how many lines were dropped. */
  readonly #tell: (lines: number) => void;
  readonly #queue: Buffer[] = [];
  #bytes = 0;
  #dropped = 0;
  /** When the batch under way was handed over. */
  #sentAt = 0;
  #retryMs = RETRY_MS;
  #state: "idle" | "sending" | "retrying" | "closed" = "idle";

  constructor(fd: number, tell: (lines: number) => void) {
    this.#fd = fd;
    this.#tell = tell;
    process.on("exit", () => this.#sendTheRest());
  }

  /** @param line With its line break. */
  write(line: string): void {
    if (this.#state === "closed") return;
    const bytes = Buffer.from(line);
    if (this.#bytes + bytes.length > BACKLOG_MAX_BYTES) {
      this.#dropped += 1;
      return;
    }
    this.#queue.push(bytes);
    this.#bytes += bytes.length;
    if (this.#state === "idle") this.#sendNext();
  }

  #sendNext(): void {
    const batch = this.#takeBatch();
    if (batch === undefined) {
      this.#state = "idle";
      return;
    }
    this.#state = "sending";
    this.#sentAt = performance.now();
    write(this.#fd, batch, (error, taken) => this.#sent(batch, error, error ? 0 : taken));
  }

  #sent(batch: Buffer, error: Error | null, taken: number): void {
    if (codeOf(error) === "EPIPE") {
      this.#close();
      return;
    }
    this.#bytes -= taken;
    if (taken < batch.length) this.#queue.unshift(batch.subarray(taken));
    if (error !== null) {
      this.#state = "retrying";
      setTimeout(() => this.#sendNext(), this.#retryMs).unref();
      this.#retryMs = Math.min(2 * this.#retryMs, RETRY_MAX_MS);
      return;
    }
    this.#retryMs = RETRY_MS;
    if (this.#dropped > 0 && this.#bytes <= BACKLOG_MAX_BYTES / 2) this.#tellDropped();
    this.#sendNext();
  }

  /** Nobody reads any more. */
  #close(): void {
    this.#state = "closed";
    this.#queue.length = 0;
  }

  #tellDropped(): void {
    const dropped = this.#dropped;
    this.#dropped = 0;
    this.#tell(dropped);
  }

  /** As many lines as may go together; one that is longer goes alone. */
  #takeBatch(): Buffer | undefined {
    let [count, length] = [0, 0];
    for (const line of this.#queue) {
      if (count > 0 && length + line.length > ATOMIC_MAX_BYTES) break;
      count += 1;
      length += line.length;
    }
    return count === 0 ? undefined : Buffer.concat(this.#queue.splice(0, count));
  }

  /**
   * What is left when the process ends. A thread that waits for a reader would keep it from ending for as long
   * as nobody reads: then nothing more is said, and it ends in another way.
   */
  #sendTheRest(): void {
    const isStuck = this.#state === "sending" && performance.now() - this.#sentAt >= STUCK_MS;
    if (isStuck) endWithoutThreads();
    if (this.#state === "closed") return;
    this.#state = "sending"; // what is told now is not to be left to a thread
    try {
      this.#sendQueue();
      if (this.#dropped === 0) return;
      this.#tellDropped();
      this.#sendQueue();
    } catch {
      // Nobody reads any more, or the disk is full.
    }
  }

  #sendQueue(): void {
    for (let batch = this.#takeBatch(); batch !== undefined; batch = this.#takeBatch()) {
      let rest = batch;
      while (rest.length > 0) rest = rest.subarray(writeSync(this.#fd, rest));
      this.#bytes -= batch.length;
    }
  }
}

/** Ends this process with its exit code although one of its threads waits; never returns. */
function endWithoutThreads(): void {
  try {
    process.execve?.("/bin/sh", ["sh", "-c", `exit ${process.exitCode ?? 0}`], {});
  } catch {
    // A process that may start no other one: it is somebody's child, who expects its end.
  }
  process.kill(process.pid, "SIGKILL");
}
