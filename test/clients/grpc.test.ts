import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import {
  credentials,
  Metadata,
  makeClientConstructor,
  type ServiceError,
  status,
} from "@grpc/grpc-js";
import { makeAuthority, makeCertificate } from "../support/certificates.ts";
import { ECHO, GrpcService } from "../support/grpc-service.ts";
import { Latchkey } from "../support/latchkey.ts";

/** grpc-js at both ends, and the program between them; the client trusts our root and checks everything. */
const world = new AsyncDisposableStack();
after(() => world.disposeAsync());
const folder = await mkdtemp(join(tmpdir(), "latchkey-grpc-"));
world.defer(() => rm(folder, { recursive: true, force: true }));
const authority = makeAuthority();
await writeFile(join(folder, "roots.pem"), authority.certificate);
const certificate = makeCertificate({ names: ["grpc.internal"], issuer: authority });
const services = {
  "plain.localhost": world.use(await GrpcService.start()),
  "secure.localhost": world.use(await GrpcService.start(certificate)),
};
const latchkey = world.use(
  await Latchkey.start({
    config: `
workers: 1
hosts:
  plain.localhost:
    to: h2c://127.0.0.1:${services["plain.localhost"].port}
    timeouts: { firstByte: 2s }
  secure.localhost:
    to: https://127.0.0.1:${services["secure.localhost"].port}
    backend: { ca: ${join(folder, "roots.pem")}, serverName: grpc.internal }
`,
  }),
);
const Echo = makeClientConstructor(ECHO, "Echo");

for (const host of ["plain.localhost", "secure.localhost"] as const) {
  await latchkey.event("certificate.swapped", (line) => line["host"] === host);
  const service = services[host];
  const root = await readFile(latchkey.root);
  const client = new Echo(`127.0.0.1:${latchkey.httpsPort}`, credentials.createSsl(root), {
    "grpc.ssl_target_name_override": host,
    "grpc.default_authority": host,
    "grpc.max_receive_message_length": -1,
    "grpc.enable_retries": 0,
  });
  world.defer(() => client.close());

  /** One unary call: its answer or its error, and its trailers. */
  const unary = (
    definition: (typeof ECHO)["unary"],
    message: Buffer,
    metadata = new Metadata(),
    options = {},
  ) => {
    const { promise, resolve } = Promise.withResolvers<{
      error: ServiceError | null;
      answer: Buffer | undefined;
    }>();
    const { path, requestSerialize, responseDeserialize } = definition;
    const call = client.makeUnaryRequest<Buffer, Buffer>(
      path,
      requestSerialize,
      responseDeserialize,
      message,
      metadata,
      options,
      (error, answer) => resolve({ error, answer }),
    );
    const trailers = once(call, "status").then(([told]) => told.metadata as Metadata);
    return { call, outcome: promise, trailers };
  };

  test(`${host}: a unary call comes back with its trailers, byte by byte`, async () => {
    const metadata = new Metadata();
    metadata.set("x-mine", "a, b");
    metadata.set("x-mine-bin", Buffer.from([0, 1, 254, 255]));
    const { outcome, trailers } = unary(ECHO.unary, Buffer.from("hello"), metadata);
    const { error, answer } = await outcome;
    assert.equal(error, null);
    assert.equal(answer?.toString(), "hello");
    const told = await trailers;
    assert.deepEqual(told.get("x-sum"), ["5"]);
    assert.deepEqual(told.get("x-raw-bin"), [Buffer.from([0, 255, 10, 13])]);
    assert.deepEqual(service.seen.metadata?.get("x-mine"), ["a, b"]);
    assert.deepEqual(service.seen.metadata?.get("x-mine-bin"), [Buffer.from([0, 1, 254, 255])]);
  });

  test(`B9: ${host}: a status without an answer (trailers only) keeps its code and its words`, async () => {
    const { error } = await unary(ECHO.refuse, Buffer.from("x")).outcome;
    assert.equal(error?.code, status.FAILED_PRECONDITION);
    assert.equal(error.details, "not today: 100 % \u00e9");
  });

  test(`B9: ${host}: a message of 10 MB goes both ways`, async () => {
    const message = Buffer.alloc(10_000_000, "0123456789");
    const { error, answer } = await unary(ECHO.unary, message).outcome;
    assert.equal(error, null);
    assert.ok(answer?.equals(message));
  });

  test(`${host}: a deadline ends the call at the service too`, async () => {
    const before = service.seen.cancelled;
    const { outcome } = unary(ECHO.hang, Buffer.from("x"), new Metadata(), {
      deadline: Date.now() + 300,
    });
    assert.equal((await outcome).error?.code, status.DEADLINE_EXCEEDED);
    await until(() => service.seen.cancelled === before + 1);
  });

  test(`B9: ${host}: a call that is cancelled is cancelled at the service`, async () => {
    const before = service.seen.cancelled;
    const stream = client.makeServerStreamRequest<Buffer, Buffer>(
      ECHO.count.path,
      ECHO.count.requestSerialize,
      ECHO.count.responseDeserialize,
      Buffer.from("100000 1000"),
    );
    await once(stream, "data");
    stream.cancel();
    const [error] = await once(stream, "error");
    assert.equal(error.code, status.CANCELLED);
    await until(() => service.seen.cancelled === before + 1);
  });

  test(`${host}: a stream of the client is gathered whole`, async () => {
    const { promise, resolve } = Promise.withResolvers<Buffer | undefined>();
    const stream = client.makeClientStreamRequest<Buffer, Buffer>(
      ECHO.gather.path,
      ECHO.gather.requestSerialize,
      ECHO.gather.responseDeserialize,
      (_error, answer) => resolve(answer),
    );
    for (let at = 0; at < 1_000; at += 1) stream.write(Buffer.alloc(1_000));
    stream.end();
    assert.equal((await promise)?.toString(), "1000000");
  });

  test(`${host}: a stream of the service comes whole, with its trailers at the end`, async () => {
    const stream = client.makeServerStreamRequest<Buffer, Buffer>(
      ECHO.count.path,
      ECHO.count.requestSerialize,
      ECHO.count.responseDeserialize,
      Buffer.from("1000 1000"),
    );
    const ended = once(stream, "status");
    let size = 0;
    for await (const message of stream) size += message.length;
    const [told] = await ended;
    assert.equal(size, 1_000_000);
    assert.equal(told.code, status.OK);
    assert.deepEqual(told.metadata.get("x-count"), ["1000"]);
  });

  test(`B9: ${host}: both sides talk in turns on one stream`, async () => {
    const stream = client.makeBidiStreamRequest<Buffer, Buffer>(
      ECHO.chat.path,
      ECHO.chat.requestSerialize,
      ECHO.chat.responseDeserialize,
    );
    for (let at = 0; at < 50; at += 1) {
      stream.write(Buffer.from(`message ${at}`));
      const [echo] = await once(stream, "data");
      assert.equal(echo.toString(), `message ${at}`);
    }
    stream.end();
    const [told] = await once(stream, "status");
    assert.equal(told.code, status.OK);
  });

  test(`B9: ${host}: a hundred calls at once are all answered`, async () => {
    const calls = Array.from(
      { length: 100 },
      (_, at) => unary(ECHO.unary, Buffer.from(`${at}`)).outcome,
    );
    const answers = (await Promise.all(calls)).map(({ answer }) => answer?.toString());
    assert.deepEqual(
      answers,
      calls.map((_, at) => `${at}`),
    );
  });
}

test("a service that does not answer in time: the call ends, and so does it at the service", async () => {
  const service = services["plain.localhost"];
  const before = service.seen.cancelled;
  const client = new Echo(
    `127.0.0.1:${latchkey.httpsPort}`,
    credentials.createSsl(await readFile(latchkey.root)),
    {
      "grpc.ssl_target_name_override": "plain.localhost",
      "grpc.default_authority": "plain.localhost",
    },
  );
  world.defer(() => client.close());
  const { promise, resolve } = Promise.withResolvers<ServiceError | null>();
  const { path, requestSerialize, responseDeserialize } = ECHO.hang;
  client.makeUnaryRequest<Buffer, Buffer>(
    path,
    requestSerialize,
    responseDeserialize,
    Buffer.from("x"),
    (error) => resolve(error),
  );
  const error = await promise;
  assert.equal(error?.code, status.UNAVAILABLE, "as gRPC reads a 504");
  await until(() => service.seen.cancelled === before + 1);
});

/** Looks again after each turn of events, until it is so. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
}
