import { readRequestHead, readResponseHead } from "../../../src/http/head.ts";
import { answer, requests } from "./messages.ts";
import type { MicroCase } from "./micro-case.ts";

const answerBytes = Buffer.from(answer, "latin1");

/** Bytes to a head. */
export const headCases: readonly MicroCase[] = [
  ...Object.entries(requests).map(([name, text]) => {
    const bytes = Buffer.from(text, "latin1");
    return {
      name: `head: request, ${name}, ${bytes.length} bytes`,
      expected: "head",
      run: () => readRequestHead(bytes, 0, bytes.length).kind,
    };
  }),
  {
    name: `head: answer, ${answerBytes.length} bytes`,
    expected: "head",
    run: () => readResponseHead(answerBytes, 0, answerBytes.length).kind,
  },
];
