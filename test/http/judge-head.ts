import { type Admitted, admit, type Site } from "../../src/http/admit.ts";
import type { Fault } from "../../src/http/fields.ts";
import { readRequestHead } from "../../src/http/head.ts";
import { hostname } from "../support/relay-world.ts";
import { lentPiece } from "./lent-piece.ts";

/** A connection for `shop.example`, whose route has `www.shop.example` too. */
export const shop: Site = {
  host: hostname("shop.example"),
  answersFor: (host) => host === "www.shop.example",
};

/** What the gate says about bytes: parser and gate together. */
export function judge(bytes: string): Admitted | Fault | { readonly kind: "partial" } {
  const head = readRequestHead(lentPiece(bytes), 0, bytes.length);
  return head.kind === "head" ? admit(head, shop) : head;
}

/** The same as one number: see `HeadVector.expect`. */
export function statusOf(bytes: string): number {
  const verdict = judge(bytes);
  switch (verdict.kind) {
    case "admitted":
      return 200;
    case "partial":
      return 0;
    default:
      return verdict.status;
  }
}
