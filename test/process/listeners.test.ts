import assert from "node:assert/strict";
import { type AddressInfo, createServer } from "node:net";
import { test } from "node:test";
import { bindListeners, inheritedFds, isForAnother } from "../../src/process/listeners.ts";

const loopback = { kind: "tcp", host: "127.0.0.1", port: 0 } as const;
const listen = {
  https: [loopback],
  http: [],
  publicHttpsPort: 443,
  proxyProtocol: [],
  admin: "/nowhere",
  dashboard: undefined,
};

test("bindListeners binds every address and says where it is reached", () => {
  const { https, http } = bindListeners(listen, undefined, []);
  assert.equal(https[0]?.reach.host, "127.0.0.1");
  assert.ok((https[0]?.reach.port ?? 0) > 0);
  assert.deepEqual(http, []);
  for (const listener of https) listener.close();
  for (const listener of https) listener.close(); // twice does no harm
});

test("bindListeners says in words that another program listens there", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => other.once("listening", resolve));
  const { port } = other.address() as AddressInfo;
  const taken = { ...loopback, port };
  const why = `Cannot listen on 127.0.0.1:${port}: another program listens there (find it with: ss -ltnp)`;
  assert.throws(() => bindListeners({ ...listen, https: [taken] }, undefined, []), {
    code: "LISTEN_FAILED",
    message: why,
  });
  const { https, http, unbound } = bindListeners({ ...listen, http: [taken] }, undefined, []);
  assert.deepEqual([https.length, http.length], [1, 0], "HTTPS is served without it");
  assert.deepEqual(unbound, [{ address: `127.0.0.1:${port}`, why }]);
  https[0]?.close();
  other.close();
});

test("bindListeners refuses what was handed over and is no socket, also for plain HTTP", () => {
  const inherited = { https: [], http: [9_999] };
  assert.throws(() => bindListeners(listen, inherited, []), { code: "LISTEN_FAILED" });
});

test("bindListeners keeps what is open already", () => {
  const before = bindListeners(listen, undefined, []);
  const after = bindListeners(listen, undefined, [...before.https]);
  assert.equal(after.https[0], before.https[0]);
  before.https[0]?.close();
});

const environments = [
  { name: "nothing", env: {}, expected: undefined },
  { name: "no sockets", env: { LISTEN_FDS: "0" }, expected: undefined },
  { name: "nonsense", env: { LISTEN_FDS: "many" }, expected: undefined },
  {
    name: "those of another process",
    env: { LISTEN_FDS: "1", LISTEN_FDNAMES: "https", LISTEN_PID: "1" },
    expected: undefined,
  },
  {
    name: "two by name",
    env: { LISTEN_FDS: "2", LISTEN_FDNAMES: "http:https" },
    expected: { https: [4], http: [3] },
  },
  {
    name: "three, two of one name",
    env: { LISTEN_FDS: "3", LISTEN_FDNAMES: "https:http:https", LISTEN_PID: "77" },
    expected: { https: [3, 5], http: [4] },
  },
];

for (const { name, env, expected } of environments) {
  test(`inheritedFds takes over ${name}`, () => {
    assert.deepEqual(inheritedFds(env, 77), expected);
  });
}

test("sockets that are handed to another process are told apart from none", () => {
  const isStray = (env: Readonly<Record<string, string>>) => isForAnother(env, 77);
  assert.equal(isStray({ LISTEN_FDS: "1", LISTEN_PID: "1" }), true);
  assert.equal(isStray({ LISTEN_FDS: "1", LISTEN_PID: "77" }), false);
  assert.equal(isStray({ LISTEN_FDS: "1" }), false);
  assert.equal(isStray({ LISTEN_PID: "1" }), false);
});

test("inheritedFds refuses a socket that is named neither https nor http", () => {
  assert.throws(() => inheritedFds({ LISTEN_FDS: "1", LISTEN_FDNAMES: "web" }, 77), {
    code: "LISTEN_FAILED",
  });
});
