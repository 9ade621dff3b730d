import assert from "node:assert/strict";
import { test } from "node:test";
import type { Policy, Verdict } from "../../src/http/policy.ts";
import { refusal } from "../../src/http/refuse.ts";
import { answering, OK } from "../support/recorder.ts";
import { get, post, RelayScene } from "../support/relay-world.ts";

const PASS: Verdict = { kind: "pass" };

/** A policy that waits until the test decides. */
class Judge {
  verdict = Promise.withResolvers<Verdict>();
  asked = Promise.withResolvers<AbortSignal>();
  readonly policy: Policy = () => ({
    kind: "wait",
    decide: (signal) => {
      this.asked.resolve(signal);
      return this.verdict.promise;
    },
  });
}

test("A policy that answers keeps the request from the backend, and the connection goes on", async () => {
  const isSecret: Policy = ({ request }) =>
    request.target === "/secret" ? { kind: "answer", answer: refusal(403), why: "secret" } : PASS;
  await using scene = await RelayScene.start(answering(OK), {}, { policies: [isSecret] });
  scene.client.say(get("", "/secret"));
  await scene.client.has("403 Forbidden\n");
  scene.client.say(get("", "/open"));
  await scene.client.has("200 OK");
  assert.deepEqual(scene.client.statuses, [403, 200]);
  assert.match(scene.backend.text, /^GET \/open /);
});

test("What policies edit reaches the backend, the edits of all of them", async () => {
  const policies: Policy[] = [
    () => ({ kind: "pass", edits: { removed: ["cookie"], lines: "X-User: ada\r\n" } }),
    () => PASS,
    () => ({ kind: "pass", edits: { removed: ["x-debug"], lines: "X-Role: admin\r\n" } }),
  ];
  await using scene = await RelayScene.start(answering(OK), {}, { policies });
  scene.client.say(get("Cookie: a=b\r\nX-Debug: 1\r\nAccept: */*\r\n"));
  await scene.client.has("200 OK");
  assert.match(scene.backend.text, /\r\nX-User: ada\r\nX-Role: admin\r\n\r\n$/);
  assert.match(scene.backend.text, /\r\nAccept: \*\/\*\r\n/);
  assert.doesNotMatch(scene.backend.text, /cookie|debug/i);
});

test("A request waits whole for a verdict that takes time, and those behind it too", async () => {
  const judge = new Judge();
  await using scene = await RelayScene.start(answering(OK), {}, { policies: [judge.policy] });
  scene.client.say(post("Content-Length: 5\r\n", "hello") + get("", "/next"));
  await judge.asked.promise;
  assert.equal(scene.backend.connections.length, 0);
  judge.verdict.resolve(PASS);
  await scene.client.until(({ statuses }) => statuses.length === 2);
  assert.match(scene.backend.text, /Content-Length: 5\r\n\r\nhelloGET \/next /);
});

test("A verdict of a client that has left is not waited for, and goes nowhere", async () => {
  const judge = new Judge();
  await using scene = await RelayScene.start(answering(OK), {}, { policies: [judge.policy] });
  scene.client.say(get());
  const signal = await judge.asked.promise;
  const aborted = new Promise((resolve) => signal.addEventListener("abort", resolve));
  scene.client.socket.resetAndDestroy();
  await aborted;
  judge.verdict.resolve(PASS);
  await new Promise(setImmediate);
  assert.equal(scene.backend.connections.length, 0);
});
