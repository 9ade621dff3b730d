import { once } from "node:events";
import { request } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { type Family, readExposition } from "./exposition-reader.ts";
import type { Latchkey } from "./latchkey.ts";

/** What a running program answers to `GET /metrics`, read strictly. */
export async function askMetrics({ storage }: Latchkey): Promise<ReadonlyMap<string, Family>> {
  const asked = request({
    socketPath: join(storage, "admin.sock"),
    path: "/metrics",
    agent: false,
  });
  const [response] = await once(asked.end(), "response");
  return readExposition(await text(response));
}
