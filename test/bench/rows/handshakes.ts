import { join } from "node:path";
import type { Contender } from "../contenders/contender.ts";
import { cpuPerPiece, type Row } from "../row.ts";
import { HOST, runLoad } from "../scene.ts";

const setup = { workers: 1, logs: false } as const;
const PERCENT = 100;
/** Each worker has had some fifty thousand handshakes then: before, it is the compiling that is measured. */
const warmUpTimes = 20;

/** Handshakes for so many seconds, each with one request; see `loads/handshakes.ts`. */
export function handshakes({ port }: Contender, way: string, seconds: number, name = HOST) {
  const file = join(import.meta.dirname, "../loads/handshakes.ts");
  const printed = runLoad(process.execPath, [file, `${port}`, name, `${seconds}`, way]);
  const [count = 0, offered = 0, resumed = 0] = printed.split(" ").map(Number);
  return { count, offered, resumed };
}

export const handshakeRows: readonly Row[] = [
  {
    name: "handshake",
    what: "full handshake and one request",
    unit: "µs CPU",
    goals: { nginx: 1.15 },
    warmUpTimes,
    hasFloor: true,
    setup,
    measure: (contender, _scene, seconds) =>
      cpuPerPiece(contender, () => handshakes(contender, "full", seconds).count),
  },
  {
    name: "resumed",
    what: "resumed handshake and one request",
    unit: "µs CPU",
    goals: { nginx: 1.15 },
    warmUpTimes,
    hasFloor: true,
    setup,
    measure: (contender, _scene, seconds) =>
      cpuPerPiece(contender, () => handshakes(contender, "resumed", seconds).count),
  },
  {
    // Two workers, since a ticket of one must do with the other.
    name: "resumption",
    what: "handshakes that were resumed, of those that offered it, two workers",
    unit: "%",
    goals: {},
    least: 95,
    setup: { workers: 2, logs: false },
    measure: (contender, _scene, seconds) => {
      const { offered, resumed } = handshakes(contender, "resumed", seconds);
      return (PERCENT * resumed) / offered;
    },
  },
  {
    // 5,000 a second of one processor.
    name: "refused",
    what: "hello with a name that nobody has",
    unit: "µs CPU",
    goals: {},
    most: 200,
    setup,
    measure: (contender, _scene, seconds) =>
      cpuPerPiece(
        contender,
        () => handshakes(contender, "refused", seconds, "nobody.example").count,
      ),
  },
];
