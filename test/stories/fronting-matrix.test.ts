import assert from "node:assert/strict";
import { type ClientHttp2Session, connect, type OutgoingHttpHeaders } from "node:http2";
import { after, test } from "node:test";
import { Latchkey } from "../support/latchkey.ts";
import { openRaw, openTls } from "../support/visitor.ts";

const COUNT = 20;
const NAMES = Array.from({ length: COUNT }, (_, index) => `h${index}.localhost`);
const MISDIRECTED = "421";

const hosts = NAMES.map((name) => `  ${name}: { respond: "this is ${name}" }`).join("\n");
const latchkey = await Latchkey.start({ config: `workers: 1\nhosts:\n${hosts}\n` });
after(() => latchkey[Symbol.asyncDispose]());
for (const name of NAMES) await latchkey.event("certificate.swapped", ({ host }) => host === name);

/** The site that answered, or 421. */
function siteIn(answer: string): string {
  return (
    /this is (\S+)$/.exec(answer)?.[1] ?? /^(?:HTTP\/1\.1 )?(\d{3})/.exec(answer)?.[1] ?? answer
  );
}

/** Over HTTP/1.1 a connection that asked for another host is closed: each request has one of its own. */
async function askHttp1(name: string, request: string): Promise<string> {
  using client = await openRaw(latchkey, name);
  client.say(request);
  return siteIn(await client.finished());
}

/** Over HTTP/2 the connection goes on: all requests of a name share one. */
async function askHttp2(session: ClientHttp2Session, fields: OutgoingHttpHeaders): Promise<string> {
  const stream = session.request({ ":path": "/", ...fields }).setEncoding("utf8");
  let [status, body] = ["", ""];
  stream.on("response", (head) => {
    status = `${head[":status"]}`;
  });
  for await (const piece of stream) body += piece;
  return status === MISDIRECTED ? MISDIRECTED : siteIn(body);
}

const CLOSE = "Connection: close\r\n\r\n";
const http1: Readonly<Record<string, (name: string, host: string) => string>> = {
  "Host over HTTP/1.1": (_, host) => `GET / HTTP/1.1\r\nHost: ${host}\r\n${CLOSE}`,
  "an absolute target": (name, host) =>
    `GET https://${host}/ HTTP/1.1\r\nHost: ${name}\r\n${CLOSE}`,
};
const http2: Readonly<Record<string, (host: string) => OutgoingHttpHeaders>> = {
  ":authority over HTTP/2": (host) => ({ ":authority": host }),
  "host without :authority over HTTP/2": (host) => ({ host }),
};

for (const [form, write] of Object.entries(http1)) {
  test(`T7: of ${COUNT} × ${COUNT} names of a connection and of ${form}, only the same two reach a site`, async () => {
    for (const name of NAMES) {
      const answers = NAMES.map((host) => askHttp1(name, write(name, host)));
      assert.deepEqual(await Promise.all(answers), expectedOf(name));
    }
  });
}

for (const [form, write] of Object.entries(http2)) {
  test(`T7: of ${COUNT} × ${COUNT} names of a connection and of ${form}, only the same two reach a site`, async () => {
    for (const name of NAMES) {
      const socket = await openTls(latchkey, name, { ALPNProtocols: ["h2"] });
      const session = connect(`https://${name}`, { createConnection: () => socket });
      const answers = await Promise.all(NAMES.map((host) => askHttp2(session, write(host))));
      session.destroy();
      assert.deepEqual(answers, expectedOf(name));
    }
  });
}

function expectedOf(name: string): readonly string[] {
  return NAMES.map((host) => (host === name ? name : MISDIRECTED));
}
