import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { test } from "node:test";
import type { Listen } from "../../src/config/config.ts";
import { Doors } from "../../src/process/doors.ts";
import { freePort } from "../support/free-port.ts";

const here = { kind: "tcp", host: "127.0.0.1", port: 0 } as const;
const there = { kind: "tcp", host: "127.0.0.2", port: 0 } as const;

function on(address: Listen["https"][number]): Listen {
  return {
    https: [address],
    http: [],
    publicHttpsPort: 443,
    proxyProtocol: [],
    admin: "/nowhere",
    dashboard: undefined,
  };
}

test("doors that one configuration left are there for the next while they are not closed", (t) => {
  const doors = new Doors(on(here), undefined);
  t.after(() => doors.closeAll());
  const first = doors.current.https[0];
  doors.change(on(there));
  assert.notEqual(doors.current.https[0], first);
  doors.change(on(here));
  assert.equal(doors.current.https[0], first);
  doors.closeUnused();
  doors.change(on(here));
  assert.equal(doors.current.https[0], first, "what is wanted was not closed");
});

test("doors that nobody wants any more are closed", (t) => {
  const doors = new Doors(on(here), undefined);
  t.after(() => doors.closeAll());
  const first = doors.current.https[0];
  doors.change(on(there));
  doors.closeUnused();
  doors.change(on(here));
  assert.notEqual(doors.current.https[0], first);
});

test("doors that cannot be changed stay as they are", async (t) => {
  const doors = new Doors(on(here), undefined);
  const other = createServer().listen(0, "127.0.0.1");
  t.after(() => doors.closeAll());
  t.after(() => other.close());
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;
  const first = doors.current;
  assert.throws(() => doors.change(on({ ...here, port })), { code: "LISTEN_FAILED" });
  assert.equal(doors.current, first);
});

test("what another program has is there as soon as that one has ended and it is tried again", async (t) => {
  const port = await freePort();
  const other = createServer().listen(port, "127.0.0.1");
  await once(other, "listening");
  const listen = { ...on(here), http: [{ ...here, port }] };
  const doors = new Doors(listen, undefined);
  t.after(() => doors.closeAll());
  const [https] = doors.current.https;
  assert.deepEqual(doors.retry(listen), []);
  assert.equal(doors.current.unbound.length, 1);
  other.close();
  await once(other, "close");
  assert.deepEqual(doors.retry(listen), [`127.0.0.1:${port}`]);
  assert.deepEqual(doors.current.unbound, []);
  assert.equal(doors.current.http[0]?.reach.port, port);
  assert.equal(doors.current.https[0], https, "what was there stays");
  assert.deepEqual(doors.retry(listen), [], "nothing is missing any more");
});
