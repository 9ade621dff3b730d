import { readFile, readlink } from "node:fs/promises";
import { hostname } from "node:os";
import { codeOf } from "../base/errors.ts";

/** Which process holds a lease, told apart from every other one as well as the system allows. */
export interface OwnerProcess {
  readonly pid: number;
  /** The machine's name. */
  readonly host: string;
  /** Boot of the machine and pid namespace: within one, a pid means one process. `undefined` without /proc. */
  readonly place: string | undefined;
  /** When the process started, in clock ticks since the boot; `undefined` without /proc. */
  readonly started: string | undefined;
}

/** What this machine knows of a pid. */
export interface ProcessFacts {
  readonly isAlive: boolean;
  readonly started: string | undefined;
}

/** RFC 1035 allows 255; the lock has room for so many. */
const HOST_MAX_CHARACTERS = 255;

/** This very process. */
export async function thisProcess(): Promise<OwnerProcess> {
  const { started } = await findProcess(process.pid);
  const host = hostname().slice(0, HOST_MAX_CHARACTERS);
  return { pid: process.pid, host, place: await placeOf(), started };
}

/** Is there a process `pid` in this place? A zombie, which only waits to be reaped, is none. */
export async function findProcess(pid: number): Promise<ProcessFacts> {
  try {
    // proc(5): the name in brackets may hold anything, so count from the last bracket.
    const stat = await readFile(`/proc/${pid}/stat`, "latin1");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [state, started] = [fields[0], fields[19]];
    return { isAlive: state !== "Z" && state !== "X", started };
  } catch {
    return { isAlive: answersSignals(pid), started: undefined };
  }
}

/** For systems without /proc. A process of another user exists, though it takes no signal of ours. */
function answersSignals(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return codeOf(error) === "EPERM";
  }
}

async function placeOf(): Promise<string | undefined> {
  try {
    const boot = (await readFile("/proc/sys/kernel/random/boot_id", "latin1")).trim();
    return `${boot} ${await readlink("/proc/self/ns/pid")}`;
  } catch {
    return undefined;
  }
}
