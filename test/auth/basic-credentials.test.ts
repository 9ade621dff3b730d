import assert from "node:assert/strict";
import { test } from "node:test";
import { readBasicCredentials } from "../../src/auth/basic-credentials.ts";

const base64 = (text: string | Buffer): string => Buffer.from(text).toString("base64");
const LONG = "x".repeat(1_500);

/** The value of Authorization, and whom it names. */
const read: readonly (readonly [string, string, string])[] = [
  ["Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Aladdin", "open sesame"], // RFC 7617 §2
  ["Basic dGVzdDoxMjPCow==", "test", "123£"], // RFC 7617 §2.1
  ["basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Aladdin", "open sesame"],
  ["BASIC   QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Aladdin", "open sesame"],
  [`Basic ${base64("ops:a:b:")}`, "ops", "a:b:"],
  [`Basic ${base64("ops:")}`, "ops", ""],
  [`Basic ${base64(":secret")}`, "", "secret"],
  [`Basic ${base64(":")}`, "", ""],
  [`Basic ${base64("Zoe\u0308:e\u0301")}`, "Zo\u00eb", "\u00e9"],
  [`Basic ${base64(`ops:${LONG}`)}`, "ops", LONG],
];

for (const [value, user, password] of read) {
  test(`${value.slice(0, 40)} is ${JSON.stringify(user)}`, () => {
    assert.deepEqual(readBasicCredentials(value), { user, password });
  });
}

/** What is wrong, and the value of Authorization. */
const refused: readonly (readonly [string, string])[] = [
  ["nothing", ""],
  ["the scheme alone", "Basic"],
  ["the scheme and a space", "Basic "],
  ["no space", "BasicQWxhZGRpbjpvcGVuIHNlc2FtZQ=="],
  ["a tab in place of the space", "Basic\tQWxhZGRpbjpvcGVuIHNlc2FtZQ=="],
  ["another scheme", "Bearer QWxhZGRpbjpvcGVuIHNlc2FtZQ=="],
  ["a scheme that starts alike", "Basics QWxhZGRpbjpvcGVuIHNlc2FtZQ=="],
  ["two credentials in one value", "Basic b3BzOmE=, Basic b3BzOmI="],
  ["auth-params in place of token68", 'Basic realm="x"'],
  ["something behind", "Basic b3BzOmE= x"],
  ["no padding", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ"],
  ["too much padding", "Basic b3BzOmE=="],
  ["padding in the middle", "Basic b3Bz=OmE"],
  ["bits behind the end", "Basic b3BzOmF="],
  ["base64url", `Basic ${base64("ops:\u00ff\u00fe?>~").replaceAll("+", "-").replaceAll("/", "_")}`],
  ["white space within", "Basic b3Bz OmE="],
  ["no colon", `Basic ${base64("ops")}`],
  ["no bytes", "Basic ===="],
  ["NUL in the password", `Basic ${base64("ops:a\0b")}`],
  ["NUL behind the name", `Basic ${base64("ops\0:a")}`],
  ["a line end", `Basic ${base64("ops\r\nX-Forwarded-User: root:a")}`],
  ["DEL", `Basic ${base64("ops:\u007f")}`],
  ["Latin-1", `Basic ${base64(Buffer.from("ops:\u00e9", "latin1"))}`],
  ["UTF-8 that is too long for its code point", `Basic ${base64(Buffer.from([0xc1, 0xa1, 0x3a]))}`],
  ["half of a surrogate pair", `Basic ${base64(Buffer.from([0x61, 0x3a, 0xed, 0xa0, 0x80]))}`],
  ["more than anybody types", `Basic ${base64(`ops:${LONG.repeat(2)}`)}`],
];

for (const [what, value] of refused) {
  test(`no credentials: ${what}`, () => assert.equal(readBasicCredentials(value), undefined));
}
