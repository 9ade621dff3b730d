import assert from "node:assert/strict";
import { test } from "node:test";
import * as http2Answer from "../../src/http/http2-answer.ts";
import { http2Answers, http2Trailers } from "./http2-answer-vectors.ts";
import { http2AnswerText, http2TrailersText } from "./rows.ts";

for (const row of http2Answers) {
  test(`An answer over HTTP/2 with ${row.name} is ${row.expect === undefined ? "refused" : "read"}`, () =>
    assert.equal(http2AnswerText({ http2Answer }, row), row.expect));
}

for (const row of http2Trailers) {
  test(`Trailers over HTTP/2 with ${row.name} are ${row.expect === undefined ? "refused" : "read"}`, () =>
    assert.equal(http2TrailersText({ http2Answer }, row), row.expect));
}
