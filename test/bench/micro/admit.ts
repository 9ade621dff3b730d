import { type Admitted, admit } from "../../../src/http/admit.ts";
import { type RequestHead, readRequestHead } from "../../../src/http/head.ts";
import { hostname } from "../../support/relay-world.ts";
import { requests } from "./messages.ts";
import type { MicroCase } from "./micro-case.ts";

const site = { host: hostname("shop.example"), answersFor: () => false };

/** The gate: what every request pays for being let through for certain. */
export const admitCases: readonly MicroCase[] = Object.entries(requests).map(([name, text]) => {
  const head = headOf(text);
  return {
    name: `gate: request, ${name}`,
    expected: "admitted",
    run: () => admit(head, site).kind,
  };
});

/** The head of a text that is one. */
function headOf(text: string): RequestHead {
  const bytes = Buffer.from(text, "latin1");
  const read = readRequestHead(bytes, 0, bytes.length);
  if (read.kind !== "head") throw new TypeError(`Cannot measure with ${text}`);
  return read;
}

/** What the gate makes of a text that it lets through. */
export function admitted(text: string): Admitted {
  const outcome = admit(headOf(text), site);
  if (outcome.kind !== "admitted") throw new TypeError(`Cannot measure with ${text}`);
  return outcome;
}
