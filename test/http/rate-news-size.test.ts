import assert from "node:assert/strict";
import { test } from "node:test";
import { Deadlines } from "../../src/backend/deadlines.ts";
import { limits } from "../../src/config/limits.ts";
import { RateLimiter } from "../../src/http/rate-limiter.ts";
import { RateNews } from "../../src/http/rate-news.ts";
import type { Message, Spent } from "../../src/process/messages.ts";
import { envelope, readEnvelope } from "../../src/process/read-message.ts";
import { configOf } from "../support/config-text.ts";
import { holdTicks } from "../support/ticks.ts";

const names = Array.from({ length: 25 }, (_, index) => `a-rather-long-name-${index}.shop.example`);
const [host] = configOf(
  `hosts:\n  "${names.join(", ")}": { respond: ok, rateLimit: { requests: 2, per: 1h } }`,
).hosts;

test("what a worker tells of a rate of many hosts under a flood is a message that the supervisor takes", (t) => {
  const pass = holdTicks(t);
  assert.ok(host?.action.kind === "respond");
  const { rateLimit } = host.action.rules ?? {};
  assert.ok(rateLimit);
  const messages: Message[] = [];
  const tell = (spent: readonly Spent[]) => messages.push({ type: "rates.spent", spent });
  const news = new RateNews(new Deadlines(), tell, 2);
  const limiter = new RateLimiter(rateLimit, 0, limits.rateClientsMax, 2);
  news.share(rateLimit.scope, limiter);
  for (let client = 0; client < limits.rateNewsMax; client += 1)
    for (let request = 0; request < 2; request += 1)
      limiter.take(`2001:db8:ffff:${(0x1000 + client).toString(16)}::/64`, 0);
  pass(limits.tickMs);
  const message = messages.at(-1);
  assert.ok(message?.type === "rates.spent" && message.spent.length === limits.rateNewsMax / 2);
  const line = JSON.stringify(envelope("worker 256", "manager", message));
  assert.ok(line.length < limits.workerMessageMaxBytes, `${line.length} bytes`);
  assert.ok(readEnvelope(JSON.parse(line)));
});
