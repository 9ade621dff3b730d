import assert from "node:assert/strict";
import { test } from "node:test";
import { readCredential } from "../../src/base/credential.ts";
import { Acknowledgements } from "../../src/certificate/acknowledge.ts";
import type { Look } from "../../src/certificate/served.ts";
import { swap } from "../../src/certificate/swap.ts";
import { certificateFor, keptLog, named } from "../support/stored.ts";

const HOST = named("a.example");
const { chain, key } = certificateFor(HOST);
const credential = readCredential(chain, key);
const RIGHT: Look = { kind: "seen", serial: credential.serial };
const OTHER: Look = { kind: "seen", serial: "01" };
const NOTHING: Look = { kind: "nothing", why: "the connection was refused", isSilent: false };
const SILENT: Look = { kind: "nothing", why: "nobody answers within 3 s", isSilent: true };
const UNSEEN: Look = { kind: "unseen" };

const table: readonly (readonly [
  what: string,
  looks: readonly Look[],
  event: string,
  served: string | undefined,
])[] = [
  ["the new certificate", [RIGHT], "certificate.swapped", credential.serial],
  ["another one", [OTHER], "certificate.mismatch", "01"],
  ["nothing twice", [NOTHING, NOTHING], "certificate.unserved", undefined],
  ["nothing once, then the new one", [NOTHING, RIGHT], "certificate.swapped", credential.serial],
  ["no answer, which costs its time once", [SILENT], "certificate.unserved", undefined],
  ["what nobody can see", [UNSEEN], "certificate.swapped", undefined],
];

for (const [what, looks, event, served] of table) {
  test(`a swap after which clients get ${what} is told as ${event}`, async () => {
    const [log, left] = [keptLog(), [...looks]];
    const steps = {
      ...{ log, acknowledgements: new Acknowledgements(), broadcast: () => {} },
      look: async () => left.shift() ?? assert.fail("one look too many"),
    };
    const news = { host: HOST, issuance: 1, held: undefined };
    assert.equal(await swap(steps, credential, news), served);
    assert.deepEqual([log.events.map((each) => each.event), left], [[event], []]);
  });
}
