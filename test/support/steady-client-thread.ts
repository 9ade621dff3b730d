import { Agent, request } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";

/** Asks for a page again and again, over one connection or one each, and tells at the end how long each answer took. */
const PAUSE_MS = 5;
const { port, host, ca, isAnew } = workerData;
const agent = new Agent(
  isAnew ? { keepAlive: false, maxCachedSessions: 0 } : { keepAlive: true, maxSockets: 1 },
);
const tookMs: number[] = [];
const failed: string[] = [];
let isOver = false;
parentPort?.once("message", () => {
  isOver = true;
});

function ask(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const startedAt = performance.now();
  const place = { host: "127.0.0.1", port, servername: host, headers: { Host: host } };
  const asked = request({ ...place, ca, agent }, (answer) => {
    answer.resume().on("end", () => {
      tookMs.push(performance.now() - startedAt);
      if (answer.statusCode !== 200) failed.push(`${answer.statusCode}`);
      resolve();
    });
  });
  asked.on("error", (error) => {
    failed.push(`${error}`);
    resolve();
  });
  asked.end();
  return promise;
}

do {
  await ask();
  await sleep(PAUSE_MS);
} while (!isOver);
parentPort?.postMessage({ tookMs, failed });
agent.destroy();
