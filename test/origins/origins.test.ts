import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { type Arrival, CanonicalBackend } from "../support/canonical-backend.ts";
import { FrameClient } from "../support/h2-frames.ts";
import { h2Shots, shootFrames } from "../support/h2-shots.ts";
import { type Noted, Origin, originNames } from "../support/origins.ts";
import { RawClient } from "../support/raw-client.ts";
import { forwardTo, httpBackend, RelayWorld } from "../support/relay-world.ts";
import { NEXT, shoot, shots } from "../support/vector-shots.ts";

/** How long a log may take to be written. */
const LOG_PATIENCE_MS = 10_000;

/** A row of the tables of either protocol. */
interface Row {
  readonly name: string;
  readonly protocol: "http/1.1" | "h2";
  /** Does anything of it arrive, or of what comes behind it? */
  readonly arrives: boolean;
  /** May a backend see its head, although it breaks off in its body? */
  readonly mayBegin: boolean;
  /** Sends it, and waits until all that can come of it has come. */
  send(socket: Socket): Promise<void>;
}

/** All but those of HTTP/2 that end the connection: nobody can tell how far they come. */
const rows: readonly Row[] = [
  ...shots.map((shot): Row => {
    const { name, mayBegin } = shot;
    const send = (socket: Socket) => shoot(shot, new RawClient(socket));
    const arrives = shot.arrives !== undefined;
    return { name, protocol: "http/1.1", arrives, mayBegin, send };
  }),
  ...h2Shots
    .filter(({ endsAll }) => !endsAll)
    .map((shot): Row => {
      const { name, mayBegin } = shot;
      const send = async (socket: Socket) => {
        using client = new FrameClient(socket);
        await shootFrames(shot, client);
      };
      return { name, protocol: "h2", arrives: true, mayBegin, send };
    }),
];
/** One more visitor behind all rows: what it leaves in a log, it leaves last. */
const [LAST] = rows;

/** By the row's address, the requests that arrived of it. */
type Arrivals = ReadonlyMap<string, readonly Arrival[]>;

/** Each row comes from an address of its own, by which an origin's log tells whose a request was. */
function addressOf(row: number): string {
  return `127.1.${row >> 8}.${row & 255}`;
}

async function shootAll(backendPort: number): Promise<void> {
  const options = {
    action: forwardTo([httpBackend(backendPort)]),
    alsoNamed: ["www.shop.example"],
    clientAddress: "peer",
  };
  await using http1 = await RelayWorld.start(options);
  await using http2 = await RelayWorld.start({ ...options, protocol: "h2" });
  const worlds = { "http/1.1": http1, h2: http2 };
  for (const [at, row] of [...rows, LAST].entries()) {
    if (row === undefined) continue;
    const socket = connect({
      port: worlds[row.protocol].port,
      host: "127.0.0.1",
      localAddress: addressOf(at),
      allowHalfOpen: true,
    });
    await once(socket, "connect");
    await row.send(socket);
  }
}

/** Rows of which the origin saw other requests than the recorder, and what is of no row. */
async function differences(origin: Origin, expected: Arrivals): Promise<string[]> {
  const seen = await origin.requests();
  const different: string[] = [];
  for (const [row, { name, mayBegin }] of rows.entries()) {
    const arrived = expected.get(addressOf(row)) ?? [];
    const wanted = arrived.map((each) => ({ ...each, host: origin.hostAs(each.host) }));
    const noted = seen.get(addressOf(row)) ?? [];
    seen.delete(addressOf(row));
    if (isSame(noted, wanted)) continue;
    if (name in origin.refuses && isSame(noted, wanted.slice(1))) continue;
    const others = noted.filter(({ target }) => target !== NEXT.target);
    if (mayBegin && noted.length === wanted.length + 1 && isBegun(others)) continue;
    different.push(
      `${name}: ${JSON.stringify(wanted)} arrives, and it sees ${JSON.stringify(noted)}`,
    );
  }
  if (!seen.delete(addressOf(rows.length))) different.push("its log has not come to its end");
  const refused = Object.keys(origin.refuses).length;
  const strays = [...seen].flatMap(([client, noted]) =>
    noted.map(({ method, target }) => `${client}: ${method} ${target}`),
  );
  return strays.length > refused ? [...different, ...strays] : different;
}

/** The same requests, in any order: some log a request when its answer has left. */
function isSame(noted: readonly Noted[], wanted: readonly Arrival[]): boolean {
  const left = [...noted];
  for (const { method, target, host, body } of wanted) {
    const index = left.findIndex(
      (each) =>
        each.method === method &&
        each.target === target &&
        each.host === host &&
        (each.bodyBytes === undefined || each.bodyBytes === body.length),
    );
    if (index === -1) return false;
    left.splice(index, 1);
  }
  return left.length === 0;
}

/** Has it noted a request that broke off in its body? */
function isBegun([noted, ...others]: readonly Noted[]): boolean {
  const { method, target, host } = noted ?? {};
  if (others.length > 0) return false;
  return method === "POST" && target === "/" && host === "shop.example";
}

test("The recorder sees a request of every row that is admitted, and none twice", async () => {
  const counts = [...(await recorded()).values()].map(({ length }) => length);
  assert.equal(counts.length, rows.filter(({ arrives }) => arrives).length + 1);
  assert.ok(Math.max(...counts) === 2); // the row's own and the one behind it
});

for (const name of originNames) {
  test(`T14: ${name} sees the same requests of each row as the recorder does, by method, target, host, and length of the body where it tells`, async () => {
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

let recording: Promise<Arrivals> | undefined;

/** What arrives at a backend that knows one way to write a request. */
function recorded(): Promise<Arrivals> {
  recording ??= record();
  return recording;
}

async function record(): Promise<Arrivals> {
  await using backend = await CanonicalBackend.start();
  await shootAll(backend.port);
  assert.deepEqual(backend.violations, []);
  return Map.groupBy(backend.arrivals, ({ client }) => client);
}
