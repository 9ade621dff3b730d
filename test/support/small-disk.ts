import { execFileSync } from "node:child_process";
import { mkdir, rm, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "./folders.ts";

/** A file system of its own, so small that a test can fill it. */
export interface SmallDisk extends AsyncDisposable {
  /** A folder on it. */
  readonly path: string;
  /** Takes all but `leave` bytes of what is free. */
  fill(leave: number): Promise<void>;
  /** Gives back what {@link fill} took. */
  free(): Promise<void>;
  remount(mode: "ro" | "rw"): void;
  /** Makes it as large as 16 MiB. */
  grow(): void;
}

/** Why {@link smallDisk} cannot be had here, or `false`: mounting takes root on Linux. */
export const skipSmallDisk =
  process.platform === "linux" && process.geteuid?.() === 0
    ? false
    : "only root on Linux can mount a small tmpfs";

/** A tmpfs of 256 KiB, unmounted at the end. */
export async function smallDisk(): Promise<SmallDisk> {
  const folder = await temporaryFolder();
  const path = join(folder.path, "disk");
  await mkdir(path);
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=256k,mode=0700", "tmpfs", path]);
  const filler = join(path, "filler");
  return {
    path,
    fill: async (leave) => {
      const { bavail, bsize } = await statfs(path);
      await writeFile(filler, Buffer.alloc(Math.max(0, bavail * bsize - leave)));
    },
    free: () => rm(filler, { force: true }),
    grow: () => execFileSync("mount", ["-o", "remount,size=16m", path]),
    remount: (mode) => execFileSync("mount", ["-o", `remount,${mode}`, path]),
    [Symbol.asyncDispose]: async () => {
      // Lazily: a file that is just being closed must not fail a test that has ended.
      execFileSync("umount", ["-l", path]);
      await folder[Symbol.asyncDispose]();
    },
  };
}
