import type { RawClient } from "./raw-client.ts";
import type { Recorded } from "./recorded.ts";
import { OK, type Script } from "./recorder.ts";
import { RelayScene } from "./relay-world.ts";
import { seeded } from "./seeded.ts";

/** What became of requests, each as `GET /7`. */
export interface Race {
  /** What came to the backend, in its order. */
  readonly came: readonly string[];
  /** What its client got no 200 for. */
  readonly lost: readonly string[];
  /** How many came when the backend had closed already. */
  readonly crossed: number;
}

/** So many GETs and POSTs, one after the other on one connection; now and then the backend closes just when one is sent. */
export async function raceWithClosing(count: number, seed: number): Promise<Race> {
  const random = seeded(seed);
  const race = { came: [] as string[], lost: [] as string[], crossed: 0 };
  await using scene = await RelayScene.start(answerAll(race));
  for (let nth = 1; nth <= count; nth += 1) {
    const line = `${random(2) === 0 ? "GET" : "POST"} /${nth}`;
    const connection = scene.backend.connections.at(-1);
    const closing =
      connection !== undefined && random(2) === 0 ? closeSoon(connection, random) : undefined;
    const status = await statusOf(scene.client, line, nth);
    await closing;
    if (status !== 200) race.lost.push(line);
  }
  return race;
}

/** What must not have happened: a GET without its answer, a POST that came twice. */
export function faultsOf({ came, lost }: Race): readonly string[] {
  const once = new Set<string>();
  const twice = came.filter((line) => once.size === once.add(line).size);
  const isGet = (line: string) => line.startsWith("GET");
  return [...lost.filter(isGet), ...twice.filter((line) => !isGet(line))];
}

/** A turn of the event loop more or less decides which of the two comes first. */
async function closeSoon({ socket }: Recorded, random: (below: number) => number): Promise<void> {
  for (let turns = random(4); turns > 0; turns -= 1) await new Promise(setImmediate);
  if (random(2) === 0) socket.end();
  else socket.destroySoon();
}

async function statusOf(client: RawClient, line: string, nth: number): Promise<number> {
  const framing = line.startsWith("GET") ? "" : "Content-Length: 0\r\n";
  client.say(`${line} HTTP/1.1\r\nHost: shop.example\r\n${framing}\r\n`);
  await client.until(({ statuses }) => statuses.length === nth);
  return client.statuses.at(-1) ?? 0;
}

function answerAll(race: { readonly came: string[]; crossed: number }): Script {
  return async (connection) => {
    for (let from = 0; ; ) {
      await connection.head(from);
      const end = connection.text.indexOf("\r\n\r\n", from) + 4;
      race.came.push(connection.text.slice(from, end).split(" ", 2).join(" "));
      from = end;
      if (connection.socket.writable) connection.say(OK);
      else race.crossed += 1;
    }
  };
}
