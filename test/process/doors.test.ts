import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { test } from "node:test";
import type { Listen } from "../../src/config/config.ts";
import { Doors } from "../../src/process/doors.ts";

const here = { kind: "tcp", host: "127.0.0.1", port: 0 } as const;
const there = { kind: "tcp", host: "127.0.0.2", port: 0 } as const;

function on(address: Listen["https"][number]): Listen {
  return { https: [address], http: [], publicHttpsPort: 443, proxyProtocol: [], admin: "/nowhere" };
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
