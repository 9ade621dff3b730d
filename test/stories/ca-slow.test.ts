import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { join } from "node:path";
import { after, test } from "node:test";
import type { AcmeAnswer } from "../../src/acme/transport.ts";
import { temporaryFolder } from "../support/folders.ts";
import { HttpsAuthority } from "../support/https-authority.ts";
import { Issuing } from "../support/issuing.ts";
import { named } from "../support/stored.ts";

const ca = await HttpsAuthority.start();
after(() => ca[Symbol.asyncDispose]());

const hosts = ["slow.test", "quick.test"];
/** Ten times shorter than the real ones; a byte takes longer than its share of them. */
const deadlines = { connectTimeoutMs: 2_500, headersTimeoutMs: 2_500, totalTimeoutMs: 3_000 };
const BYTE_EVERY_MS = 50;

/** One byte after another, until the program hangs up. */
function trickle(response: ServerResponse, text: string, write: (byte: string) => void): void {
  let sent = 0;
  const timer = setInterval(() => write(text[sent++ % text.length] ?? ""), BYTE_EVERY_MS);
  response.once("close", () => clearInterval(timer));
}

const slownesses = [
  { what: "takes a request and never answers", place: "/authorization/", say: () => {} },
  {
    what: "sends its answer byte by byte",
    place: "/certificate/",
    say: (response: ServerResponse, { status, headers, body }: AcmeAnswer) => {
      response.writeHead(status, headers);
      trickle(response, body, (byte) => response.write(byte));
    },
  },
  {
    what: "sends the head of its answer byte by byte",
    place: "/finalize/",
    say: (response: ServerResponse) => {
      trickle(response, "HTTP/1.1 200 OK\r\nx-slow: very\r\n".padEnd(10_000, "y"), (byte) =>
        response.socket?.write(byte),
      );
    },
  },
] as const;

for (const { what, place, say } of slownesses) {
  test(`C6: a CA that ${what} holds up no other host, and goes on with the order when it is quick again`, async () => {
    await using folder = await temporaryFolder();
    const root = join(folder.path, "storage");
    const { directory, address } = ca;
    await using issuing = await Issuing.open({
      root,
      hosts,
      directory,
      ca: { ...address, deadlines },
    });
    const ordersBefore = ca.orders;
    let slow: string | undefined;
    let isQuick = false;
    ca.hooks = {
      after: (path, answer, response) => {
        if (isQuick || !path.startsWith(place)) return answer;
        // The order that comes first stays the slow one.
        slow ??= orderIn(path);
        if (orderIn(path) !== slow) return answer;
        say(response, answer);
        return true;
      },
    };
    await issuing.run();
    const { facts: issued } = await issuing.log.first("certificate.issued");
    assert.ok(issuing.log.events.every(({ event }) => event !== "certificate.failed"));
    const { facts: failed } = await issuing.log.first("certificate.failed");
    assert.notEqual(issued["host"], failed["host"]);
    assert.equal(failed["type"], "ACME_UNREACHABLE");
    assert.match(String(failed["detail"]), /no (?:whole )?answer within/);
    isQuick = true;
    await issuing.settled();
    await issuing.floor.obey(named(String(failed["host"])), { action: "retry" });
    const states = issuing.floor.list().map(({ state }) => state);
    assert.deepEqual(states, ["valid", "valid"]);
    assert.equal(ca.orders - ordersBefore, hosts.length);
  });
}

function orderIn(path: string): string | undefined {
  return path.split("/")[2];
}
