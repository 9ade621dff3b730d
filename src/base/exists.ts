import { access } from "node:fs/promises";

/** Is there something at `path` that can be reached? Whatever the reason why not, nobody can use it. Never rejects. */
export async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
