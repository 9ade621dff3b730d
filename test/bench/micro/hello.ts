import { readClientHello } from "../../../src/connection/client-hello.ts";
import { CAPTURED_NAME, capturedHellos } from "../../support/hello-bytes.ts";
import type { MicroCase } from "./micro-case.ts";

/** The peek: each captured hello as it comes, in one piece. */
export const helloCases: readonly MicroCase[] = [...capturedHellos].map(([client, bytes]) => ({
  name: `hello: of ${client}, ${bytes.length} bytes`,
  expected: CAPTURED_NAME,
  run: () => {
    const read = readClientHello(bytes);
    return read.kind === "complete" ? read.serverName : read.kind;
  },
}));
