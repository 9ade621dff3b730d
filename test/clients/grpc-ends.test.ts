import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { constants } from "node:http2";
import { after, test } from "node:test";
import { credentials, makeClientConstructor, type ServiceError, status } from "@grpc/grpc-js";
import { askMetrics } from "../support/ask-metrics.ts";
import { numberOf } from "../support/exposition-reader.ts";
import { ECHO, GrpcService } from "../support/grpc-service.ts";
import { type Asked, Http2Backend } from "../support/http2-backend.ts";
import { Latchkey } from "../support/latchkey.ts";

/** What a client made with grpc-js makes of how a service ends its calls, with the program between them. */
const world = new AsyncDisposableStack();
after(() => world.disposeAsync());
const odd = world.use(await Http2Backend.start(answerOddly));
const service = world.use(await GrpcService.start());
const latchkey = world.use(
  await Latchkey.start({
    config: `
workers: 1
hosts:
  odd.localhost: h2c://127.0.0.1:${odd.port}
  echo.localhost: h2c://127.0.0.1:${service.port}
`,
  }),
);
const Echo = makeClientConstructor(ECHO, "Echo");
const MESSAGE = Buffer.from("0000000002", "hex"); // a message of two bytes, which follow
const RESETS: Readonly<Record<string, number>> = {
  cancel: constants.NGHTTP2_CANCEL,
  internal: constants.NGHTTP2_INTERNAL_ERROR,
  calm: constants.NGHTTP2_ENHANCE_YOUR_CALM,
  refused: constants.NGHTTP2_REFUSED_STREAM,
  protocol: constants.NGHTTP2_PROTOCOL_ERROR,
};

/** Ends calls as their path says: no library for services would do so. */
function answerOddly({ stream, headers }: Asked): void {
  const [, , how = ""] = `${headers[":path"]}`.split("/");
  const code = RESETS[how];
  const waitForTrailers = code !== undefined; // or Node ends the stream before it resets it
  stream.resume();
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers });
  stream.write(Buffer.concat([MESSAGE, Buffer.from("ok")]));
  if (code === undefined) stream.end();
  else setImmediate(() => stream.close(code));
}

async function connect(host: string) {
  await latchkey.event("certificate.swapped", (line) => line["host"] === host);
  const root = await readFile(latchkey.root);
  return new Echo(`127.0.0.1:${latchkey.httpsPort}`, credentials.createSsl(root), {
    "grpc.ssl_target_name_override": host,
    "grpc.default_authority": host,
    "grpc.enable_retries": 0,
  });
}

for (const [how, code] of [
  ["no trailers", status.INTERNAL], // "Call ended without gRPC status"
  ["cancel", status.CANCELLED],
  ["internal", status.INTERNAL],
  ["calm", status.RESOURCE_EXHAUSTED],
  ["refused", status.INTERNAL],
  ["protocol", status.INTERNAL],
] as const) {
  test(`B9: An answer that its service ends with "${how}" is ${status[code]} to the client, behind its message`, async () => {
    const client = await connect("odd.localhost");
    const { requestSerialize, responseDeserialize } = ECHO.count;
    const path = `/test.Odd/${how.replaceAll(" ", "-")}`;
    const stream = client.makeServerStreamRequest<Buffer, Buffer>(
      path,
      requestSerialize,
      responseDeserialize,
      Buffer.from("x"),
    );
    const messages: string[] = [];
    stream.on("data", (message: Buffer) => void messages.push(message.toString()));
    const [error]: ServiceError[] = await once(stream, "error");
    client.close();
    assert.deepEqual([error?.code, ...messages], [code, "ok"]);
  });
}

const TURNS = 2_000;

test(`B9: Both sides talk in ${TURNS} turns on one stream, in messages of any size`, async () => {
  const client = await connect("echo.localhost");
  const { path, requestSerialize, responseDeserialize } = ECHO.chat;
  const stream = client.makeBidiStreamRequest<Buffer, Buffer>(
    path,
    requestSerialize,
    responseDeserialize,
  );
  for (let turn = 0; turn < TURNS; turn += 1) {
    const message = Buffer.alloc((turn * 7_919) % 20_000, `${turn} `);
    stream.write(message);
    const [echo]: Buffer[] = await once(stream, "data");
    assert.ok(echo?.equals(message), `turn ${turn}`);
  }
  stream.end();
  const [told] = await once(stream, "status");
  client.close();
  assert.equal(told.code, status.OK);
});

test("B9: After 1,000 calls no request is under way, and when its client has left no connection is open", async () => {
  const client = await connect("echo.localhost");
  const { path, requestSerialize, responseDeserialize } = ECHO.unary;
  for (let done = 0; done < 1_000; done += 100) {
    const calls = Array.from(
      { length: 100 },
      () =>
        new Promise<number>((resolve) => {
          client.makeUnaryRequest<Buffer, Buffer>(
            path,
            requestSerialize,
            responseDeserialize,
            Buffer.from("x"),
            (error) => resolve(error?.code ?? status.OK),
          );
        }),
    );
    assert.deepEqual(new Set(await Promise.all(calls)), new Set([status.OK]));
  }
  client.close();
  const names = ["latchkey_requests_under_way", "latchkey_connections_open"];
  for (let left = [1]; left.some((each) => each !== 0); ) {
    const metrics = await askMetrics(latchkey);
    left = names.map((name) => numberOf(metrics, name) ?? -1);
  }
});
