import assert from "node:assert/strict";
import { test } from "node:test";
import { Deadlines } from "../../src/backend/deadlines.ts";
import { Speech } from "../../src/backend/speech.ts";
import { limits } from "../../src/config/limits.ts";
import { h2cBackend } from "../support/http2-backend.ts";
import { httpBackend, httpsBackendOf } from "../support/relay-world.ts";
import { holdTicks, MARGIN_MS } from "../support/ticks.ts";

const OF_WEBSOCKETS = { takesTunnels: true };
const OF_NONE = { takesTunnels: false };
const https = httpsBackendOf(443, "");

for (const { what, backend, learn, plain, tunnel } of [
  { what: "http:", backend: httpBackend(80), plain: false, tunnel: false },
  { what: "h2c:", backend: h2cBackend(80), plain: true, tunnel: true },
  { what: "https:", backend: https, plain: false, tunnel: false },
  {
    what: "https: that chose HTTP/2",
    backend: https,
    learn: (speech: Speech) => speech.chose("h2"),
    plain: true,
    tunnel: true,
  },
  {
    what: "https: that chose HTTP/2 and takes WebSockets",
    backend: https,
    learn: (speech: Speech) => {
      speech.chose("h2");
      speech.opened(OF_WEBSOCKETS);
    },
    plain: true,
    tunnel: true,
  },
  {
    what: "https: that chose HTTP/2 and takes no WebSockets",
    backend: https,
    learn: (speech: Speech) => {
      speech.chose("h2");
      speech.opened(OF_NONE);
    },
    plain: true,
    tunnel: false,
  },
  {
    what: "https: that went back to HTTP/1.1",
    backend: https,
    learn: (speech: Speech) => {
      speech.chose("h2");
      speech.chose("http/1.1");
    },
    plain: false,
    tunnel: false,
  },
  {
    what: "https: that wants HTTP/1.1",
    backend: https,
    learn: (speech: Speech) => {
      speech.chose("h2");
      speech.wantsHttp1();
    },
    plain: false,
    tunnel: false,
  },
]) {
  test(`Requests to ${what} go by a session: ${plain}, and WebSockets: ${tunnel}`, () => {
    const speech = new Speech(backend, new Deadlines());
    learn?.(speech);
    assert.deepEqual([speech.goesBySession(false), speech.goesBySession(true)], [plain, tunnel]);
  });
}

test("A backend that wants HTTP/1.1 may choose again after a while", (t) => {
  const pass = holdTicks(t);
  const deadlines = new Deadlines();
  const watched = { tick: () => undefined };
  deadlines.watch(watched);
  const speech = new Speech(https, deadlines);
  speech.chose("h2");
  speech.wantsHttp1();
  pass(limits.backendHttp1Ms - limits.tickMs);
  assert.deepEqual([speech.mayChoose(false), speech.goesBySession(false)], [false, false]);
  pass(MARGIN_MS);
  assert.deepEqual([speech.mayChoose(false), speech.goesBySession(false)], [true, true]);
  deadlines.forget(watched);
});
