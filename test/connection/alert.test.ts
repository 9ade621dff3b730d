import assert from "node:assert/strict";
import { test } from "node:test";
import { type Alert, alertRecord } from "../../src/connection/alert.ts";

const records: readonly [alert: Alert, hex: string][] = [
  ["decode_error", "15030300020232"],
  ["internal_error", "15030300020250"],
  ["unrecognized_name", "15030300020270"],
  ["no_application_protocol", "15030300020278"],
];

for (const [alert, hex] of records) {
  test(`the alert ${alert} is the record ${hex}`, () => {
    assert.equal(alertRecord(alert).toString("hex"), hex);
  });
}
