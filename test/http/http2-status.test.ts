import assert from "node:assert/strict";
import { test } from "node:test";
import { H2Client } from "../support/h2-client.ts";
import { FrameBackend, greeting } from "../support/h2-frame-backend.ts";
import { FLAG, FRAME, frame, headers } from "../support/h2-frames.ts";
import { h2cBackend } from "../support/http2-backend.ts";
import { RawClient } from "../support/raw-client.ts";
import { forwardTo, get, RelayWorld } from "../support/relay-world.ts";

/**
 * What a backend over HTTP/2 says of its status, and what clients see: what nobody registered goes on as it
 * is up to 599 (RFC 9110 §15); what is no final status is no answer.
 */
const rows: readonly {
  readonly statuses: readonly string[];
  /** All that clients see: interim answers, then the final one. */
  readonly seen: readonly number[];
  /** Is there no content with it? */
  readonly isEmpty?: boolean;
}[] = [
  { statuses: ["200"], seen: [200] },
  { statuses: ["299"], seen: [299] },
  { statuses: ["300"], seen: [300] },
  { statuses: ["418"], seen: [418] },
  { statuses: ["499"], seen: [499] },
  { statuses: ["599"], seen: [599] },
  { statuses: ["600"], seen: [502] },
  { statuses: ["799"], seen: [502] },
  { statuses: ["999"], seen: [502] },
  { statuses: ["204"], seen: [204], isEmpty: true },
  { statuses: ["304"], seen: [304], isEmpty: true },
  { statuses: ["100", "200"], seen: [100, 200] },
  { statuses: ["102", "200"], seen: [102, 200] },
  { statuses: ["103", "103", "404"], seen: [103, 103, 404] },
  { statuses: ["199", "200"], seen: [199, 200] },
  { statuses: ["101", "200"], seen: [502] },
  { statuses: ["103", "101"], seen: [103, 502] },
  { statuses: ["100"], seen: [100, 502] },
  { statuses: ["103"], seen: [103, 502] },
  ...["101", "099", "000", "20", "2000", "1000", "2 0", "+20", "-20", "0xC", "200 OK", ""].map(
    (status) => ({ statuses: [status], seen: [502] }),
  ),
];

function answering({ statuses, isEmpty }: (typeof rows)[number]): Promise<FrameBackend> {
  return FrameBackend.start(async (peer) => {
    peer.say(greeting());
    const stream = await peer.request(0);
    const heads = statuses.map((each) => headers(stream, [[":status", each]], FLAG.endHeaders));
    const content = isEmpty === true ? "" : "content";
    peer.say(...heads, frame(FRAME.data, FLAG.endStream, stream, content));
  });
}

for (const row of rows) {
  const name = row.statuses.map((each) => JSON.stringify(each)).join(", ");
  const final = row.seen.at(-1) ?? 0;
  const interims = row.seen.slice(0, -1);
  const own = "502 Bad Gateway\n";
  const content = row.isEmpty === true ? "" : final === 502 ? own : "content";

  test(`A backend over HTTP/2 with the status ${name} is ${row.seen} to a client of HTTP/1.1`, async () => {
    await using backend = await answering(row);
    await using world = await RelayWorld.start({ action: forwardTo([h2cBackend(backend.port)]) });
    using client = await RawClient.connect(world.port);
    client.say(get("Connection: close\r\n"));
    const text = await client.finished();
    assert.deepEqual(client.statuses, row.seen);
    const chunked = `${content.length.toString(16)}\r\n${content}\r\n0\r\n\r\n`;
    const isOwn = final === 502;
    assert.ok(text.endsWith(`\r\n\r\n${isOwn || content === "" ? content : chunked}`), text);
  });

  test(`A backend over HTTP/2 with the status ${name} is ${final} to a client of HTTP/2`, async () => {
    await using backend = await answering(row);
    const action = forwardTo([h2cBackend(backend.port)]);
    await using world = await RelayWorld.start({ action, protocol: "h2" });
    using client = await H2Client.connect(world.port);
    const call = await client.get();
    assert.deepEqual(
      call.interims.map((head) => head[":status"]),
      interims,
    );
    assert.deepEqual([call.status, call.body, call.isEnded], [final, content, true]);
  });
}
