import { Counts } from "../../../src/base/counts.ts";
import type { MicroCase } from "./micro-case.ts";

const counts = new Counts(["a.shop.example"]);
const requests = counts.of("http/1.1", "a.shop.example");

/** All that a request costs for `GET /metrics`, and that it would not cost without. */
export const countsCases: readonly MicroCase[] = [
  {
    name: "counts: a request, with its two looks at the clock",
    expected: "counted",
    run: () => {
      const startedAt = performance.now();
      requests.began();
      const tookMs = performance.now() - startedAt;
      requests.ended("GET", 200, tookMs, 0, 1_024);
      return tookMs >= 0 ? "counted" : undefined;
    },
  },
];
