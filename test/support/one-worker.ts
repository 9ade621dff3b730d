import { Latchkey } from "./latchkey.ts";

/** The program with one worker and one host, which leads `to`; it has its certificate. The caller ends it. */
export async function startOneWorker(host: string, to: string): Promise<Latchkey> {
  const latchkey = await Latchkey.start({ config: `workers: 1\nhosts: { ${host}: "${to}" }` });
  await latchkey.event("certificate.swapped");
  return latchkey;
}
