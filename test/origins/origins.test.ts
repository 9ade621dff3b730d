import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { CanonicalBackend } from "../support/canonical-backend.ts";
import { Origin, originNames } from "../support/origins.ts";
import { RawClient } from "../support/raw-client.ts";
import { forwardTo, httpBackend, RelayWorld } from "../support/relay-world.ts";
import { shoot, shots } from "../support/vector-shots.ts";

/** How long a log may take to be written. */
const LOG_PATIENCE_MS = 10_000;
/** One more visitor behind all rows: what it leaves in a log, it leaves last. */
const [LAST] = shots;

/** By the row's address, how many requests an origin saw of it. */
type Counts = ReadonlyMap<string, number>;

/** Each row comes from an address of its own, by which an origin's log tells whose a request was. */
function addressOf(row: number): string {
  return `127.1.${row >> 8}.${row & 255}`;
}

async function shootAll(backendPort: number): Promise<void> {
  await using world = await RelayWorld.start({
    action: forwardTo([httpBackend(backendPort)]),
    alsoNamed: ["www.shop.example"],
    clientAddress: "peer",
  });
  for (const [row, shot] of [...shots, LAST].entries()) {
    const socket = connect({
      port: world.port,
      host: "127.0.0.1",
      localAddress: addressOf(row),
      allowHalfOpen: true,
    });
    await once(socket, "connect");
    if (shot !== undefined) await shoot(shot, new RawClient(socket));
  }
}

/** Rows of which the origin saw another number of requests than the recorder, and what is of no row. */
async function differences(origin: Origin, expected: Counts): Promise<string[]> {
  const seen = await origin.requests();
  const different: string[] = [];
  for (const [row, { name, mayBegin }] of shots.entries()) {
    const wanted = expected.get(addressOf(row)) ?? 0;
    const lines = seen.get(addressOf(row)) ?? [];
    seen.delete(addressOf(row));
    const unseen = name in origin.refuses ? 1 : 0;
    const begun = mayBegin && lines.length === 1 && lines[0] === "POST / HTTP/1.1" ? 1 : 0;
    if (lines.length !== wanted - unseen + begun)
      different.push(`${name}: ${wanted} arrive, and it sees ${JSON.stringify(lines)}`);
  }
  if (!seen.delete(addressOf(shots.length))) different.push("its log has not come to its end");
  const refused = Object.keys(origin.refuses).length;
  const strays = [...seen].flatMap(([client, lines]) => lines.map((line) => `${client}: ${line}`));
  return strays.length > refused ? [...different, ...strays] : different;
}

test("The recorder sees a request of every row that is admitted, and none twice", async () => {
  const counts = [...(await recorded()).values()];
  const admitted = shots.filter(({ arrives }) => arrives !== undefined);
  assert.equal(counts.length, admitted.length + 1);
  assert.ok(Math.max(...counts) === 2); // the row's own and the one behind it
});

for (const name of originNames) {
  test(`T14: ${name} sees as many requests of each row as the recorder does`, async () => {
    const expected = await recorded();
    await using origin = await Origin.start(name);
    await shootAll(origin.port);
    const deadline = performance.now() + LOG_PATIENCE_MS;
    let different = ["nothing was seen"];
    while (different.length > 0 && performance.now() < deadline) {
      different = await differences(origin, expected);
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.deepEqual(different, []);
  });
}

let recording: Promise<Counts> | undefined;

/** What arrives at a backend that knows one way to write a request. */
function recorded(): Promise<Counts> {
  recording ??= record();
  return recording;
}

async function record(): Promise<Counts> {
  await using backend = await CanonicalBackend.start();
  await shootAll(backend.port);
  assert.deepEqual(backend.violations, []);
  const counts = new Map<string, number>();
  for (const { client } of backend.arrivals) counts.set(client, (counts.get(client) ?? 0) + 1);
  return counts;
}
