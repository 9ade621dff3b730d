import { fstatSync, write, writeSync } from "node:fs";
import { codeOf } from "./errors.ts";

/** A reader that is slower than us, or a full disk, holds up this much; further lines are dropped, and counted. */
const BACKLOG_MAX_BYTES = 4_194_304;
/** Several processes write into one pipe: so much at once is never torn apart (pipe(7), PIPE_BUF). */
const ATOMIC_MAX_BYTES = 4_096;
/** What is appended to a file is never torn apart; each write costs as much as some ten lines. */
const FILE_BATCH_MAX_BYTES = 65_536;
/**
 * Lines for a file that come sooner than this after those before wait until then, or until they fill a batch: under load a
 * write costs nearly nothing a line then, and the line after a silence is there at once (`npm run bench -- --only logged`).
 * A process that is killed takes so much of its last lines along.
 */
const FILE_EVERY_MS = 20;
/**
 * What was not taken is tried again after this: a pipe that does not block has room again as soon as its reader
 * reads. Each time in vain it is twice as long, as for a disk that is full, but no longer than the other.
 */
const RETRY_MS = 10;
const RETRY_MAX_MS = 1_000;
/** A reader that has taken nothing for so long when the process ends is not waited for. */
const STUCK_MS = 250;
/** However steadily a reader takes what is left: the end of a process takes no longer than this. */
const END_MAX_MS = 2_000;

/** Hears how it goes with a {@link LogSink}: it cannot tell where nothing can be written. It must not throw. */
export interface SinkWatch {
  /** Nothing can be written; it is tried on. Said once, until {@link recovered}. */
  failing(error: Error): void;
  /** It works again; so many lines were dropped meanwhile. */
  recovered(dropped: number): void;
  /** The process ends, and so many lines were never written. */
  lost(lines: number): void;
}

/**
 * Where lines go: a pipe, a terminal or a file. Writing never blocks and never throws, whoever reads or does not:
 * a thread waits for the reader. The loop could do that only with a pipe that does not block, which cannot be
 * had: whether it blocks belongs to all processes that share it, and each that starts or ends sets it anew.
 */
export class LogSink {
  readonly #fd: number;
  /** Called, when there is room again, with how many lines were dropped. */
  readonly #tell: (lines: number) => void;
  readonly #watch: SinkWatch | undefined;
  readonly #batchMaxBytes: number;
  readonly #everyMs: number;
  /** Batches: whole lines, but for what is left of a batch of which a part was taken. */
  readonly #queue: Buffer[] = [];
  /** Lines that are in no batch yet, as one text: bytes of their own for each would cost as much as a field of it. */
  #fresh = "";
  #freshBytes = 0;
  /** All that waits, in the queue and fresh. */
  #bytes = 0;
  #dropped = 0;
  /** When the batch under way, or the last one, was handed over. */
  #sentAt = Number.NEGATIVE_INFINITY;
  #retryMs = RETRY_MS;
  #isFailing = false;
  #underWay: Buffer = Buffer.alloc(0);
  /** When the process ends: until when a reader is waited for. */
  #endsAt = 0;
  #state: "idle" | "gathering" | "sending" | "retrying" | "closed" | "ending" = "idle";

  /** @param watch Whose reader may come back: a pipe without one is a failure that may pass. */
  constructor(fd: number, tell: (lines: number) => void, watch?: SinkWatch) {
    this.#fd = fd;
    this.#tell = tell;
    this.#watch = watch;
    [this.#batchMaxBytes, this.#everyMs] = isFile(fd)
      ? [FILE_BATCH_MAX_BYTES, FILE_EVERY_MS]
      : [ATOMIC_MAX_BYTES, 0];
    process.on("exit", () => this.#sendTheRest());
  }

  /** @param line With its line break. */
  write(line: string): void {
    if (this.#state === "closed") return;
    const length = Buffer.byteLength(line);
    if (this.#bytes + length > BACKLOG_MAX_BYTES) {
      this.#dropped += 1;
      return;
    }
    if (this.#freshBytes + length > this.#batchMaxBytes) this.#closeBatch();
    this.#fresh += line;
    this.#freshBytes += length;
    this.#bytes += length;
    if (this.#state === "idle") this.#gather();
    else if (this.#state === "gathering" && this.#bytes >= this.#batchMaxBytes) this.#sendNext();
    if (this.#state === "ending") this.#sendAtEnd();
  }

  /** What one turn of the loop says goes together: a write of its own for each line would cost more than the line. */
  #gather(): void {
    this.#state = "gathering";
    const waitMs = this.#sentAt + this.#everyMs - performance.now();
    const send = () => {
      if (this.#state === "gathering") this.#sendNext();
    };
    if (waitMs > 0) setTimeout(send, waitMs).unref();
    else setImmediate(send);
  }

  #sendNext(): void {
    const batch = this.#takeBatch();
    if (batch === undefined) {
      this.#state = "idle";
      return;
    }
    this.#state = "sending";
    this.#sentAt = performance.now();
    this.#underWay = batch;
    write(this.#fd, batch, (error, taken) => this.#sent(batch, error, error ? 0 : taken));
  }

  #sent(batch: Buffer, error: Error | null, taken: number): void {
    if (codeOf(error) === "EPIPE" && this.#watch === undefined) {
      this.#close();
      return;
    }
    this.#bytes -= taken;
    if (taken < batch.length) this.#queue.unshift(batch.subarray(taken));
    else this.#works();
    if (error !== null) {
      this.#fails(error);
      this.#state = "retrying";
      setTimeout(() => this.#sendNext(), this.#retryMs).unref();
      this.#retryMs = Math.min(2 * this.#retryMs, RETRY_MAX_MS);
      return;
    }
    this.#retryMs = RETRY_MS;
    if (this.#dropped > 0 && this.#bytes <= BACKLOG_MAX_BYTES / 2) this.#tellDropped();
    if (this.#bytes > 0 && this.#bytes < this.#batchMaxBytes && this.#everyMs > 0) this.#gather();
    else this.#sendNext();
  }

  /** A reader that is slow is no failure. */
  #fails(error: Error): void {
    if (this.#isFailing || codeOf(error) === "EAGAIN") return;
    this.#isFailing = true;
    this.#watch?.failing(error);
  }

  /** A disk that takes a part of a batch is full still. */
  #works(): void {
    if (!this.#isFailing) return;
    this.#isFailing = false;
    this.#watch?.recovered(this.#dropped);
  }

  /** Nobody reads any more. */
  #close(): void {
    this.#state = "closed";
    this.#queue.length = 0;
    [this.#fresh, this.#freshBytes] = ["", 0];
  }

  #tellDropped(): void {
    const dropped = this.#dropped;
    this.#dropped = 0;
    this.#tell(dropped);
  }

  /** As many lines as may go together; one that is longer goes alone. */
  #takeBatch(): Buffer | undefined {
    if (this.#queue.length === 0) this.#closeBatch();
    return this.#queue.shift();
  }

  /** The fresh lines go together. */
  #closeBatch(): void {
    if (this.#freshBytes === 0) return;
    this.#queue.push(Buffer.from(this.#fresh));
    this.#fresh = "";
    this.#freshBytes = 0;
  }

  /**
   * What is left when the process ends. A thread that waits for a reader would keep it from ending for as long
   * as nobody reads: then nothing more is said, and it ends in another way. What became of a batch that was just handed
   * to a thread is not known any more: it has a moment to be written first, and counts as written.
   */
  #sendTheRest(): void {
    const isStuck = this.#state === "sending" && performance.now() - this.#sentAt >= STUCK_MS;
    // What a thread tries where nothing can be written is lost as well; from here it might get there twice.
    if (this.#state === "sending" && (isStuck || this.#isFailing))
      this.#dropped += linesIn([this.#underWay]);
    if (isStuck) {
      this.#tellLost();
      endWithoutThreads();
    }
    if (this.#state === "closed") return;
    if (this.#state === "sending") pause(RETRY_MS);
    this.#endsAt = performance.now() + END_MAX_MS;
    this.#state = "ending"; // what is told now, by others that end after this one too, is not to be left to a thread
    if (!this.#sendAtEnd()) return;
    this.#works();
    if (this.#dropped > 0) this.#tellDropped();
  }

  /** @returns `false` when nobody reads any more, or the disk is full. */
  #sendAtEnd(): boolean {
    try {
      this.#sendQueue();
      return true;
    } catch {
      this.#tellLost();
      return false;
    }
  }

  #tellLost(): void {
    this.#closeBatch();
    const lines = this.#dropped + linesIn(this.#queue.splice(0));
    [this.#dropped, this.#bytes] = [0, 0];
    if (lines > 0) this.#watch?.lost(lines);
  }

  #sendQueue(): void {
    for (let batch = this.#takeBatch(); batch !== undefined; batch = this.#takeBatch()) {
      this.#queue.unshift(batch);
      const taken = this.#writeAtEnd(batch);
      this.#queue.shift();
      if (taken < batch.length) this.#queue.unshift(batch.subarray(taken));
      this.#bytes -= taken;
    }
  }

  /** Waits for a reader that is slow: a pipe that does not block has no room then. */
  #writeAtEnd(batch: Buffer): number {
    for (const triedAt = performance.now(); ; pause(RETRY_MS)) {
      try {
        return writeSync(this.#fd, batch);
      } catch (error) {
        const until = Math.min(triedAt + STUCK_MS, this.#endsAt);
        if (codeOf(error) === "EAGAIN" && performance.now() < until) continue;
        this.#endsAt = 0; // what is told yet is not waited for
        throw error;
      }
    }
  }
}

/** A file that is appended to; what nobody can look at is written to as a pipe is. */
function isFile(fd: number): boolean {
  try {
    return fstatSync(fd).isFile();
  } catch {
    return false;
  }
}

/** Stops this thread: for the end of the process, when nothing else is to be done. */
function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)), 0, 0, ms);
}

/** A line of which a part was written counts as well. */
function linesIn(batches: readonly Buffer[]): number {
  let lines = 0;
  for (const batch of batches) {
    for (let at = batch.indexOf("\n"); at !== -1; at = batch.indexOf("\n", at + 1)) lines += 1;
  }
  return lines;
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
