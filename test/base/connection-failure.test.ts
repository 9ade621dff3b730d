import assert from "node:assert/strict";
import { test } from "node:test";
import { connectionFailure } from "../../src/base/connection-failure.ts";

/** As OpenSSL says it, with the place in its source. */
const openSsl = (reason: string) =>
  `40A3:error:0A00045C:SSL routines:ssl3_read_bytes:${reason}:../rec_layer_s3.c:918:SSL alert number 116\n`;
const ADVICE = "; if the root CA is installed locally, try running Node.js with --use-system-ca";

const rows: readonly (readonly [code: string, message: string, kind: string, words: string])[] = [
  [
    "DEPTH_ZERO_SELF_SIGNED_CERT",
    `self-signed certificate${ADVICE}`,
    "unknown-issuer",
    "its TLS certificate is not trusted (self-signed certificate)",
  ],
  [
    "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
    `unable to get local issuer certificate${ADVICE}`,
    "unknown-issuer",
    "its TLS certificate is not trusted (unable to get local issuer certificate)",
  ],
  [
    "CERT_NOT_YET_VALID",
    "certificate is not yet valid",
    "dates",
    "its TLS certificate is not trusted (it is not valid yet)",
  ],
  [
    "CERT_REVOKED",
    "certificate revoked",
    "other",
    "its TLS certificate is not trusted (certificate revoked)",
  ],
  [
    "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED",
    openSsl("tlsv13 alert certificate required"),
    "certificate-wanted",
    "it wants a certificate of its clients (tlsv13 alert certificate required)",
  ],
  [
    "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA",
    openSsl("tlsv1 alert unknown ca"),
    "certificate-refused",
    "it does not take our certificate (tlsv1 alert unknown ca)",
  ],
  [
    "ERR_SSL_WRONG_VERSION_NUMBER",
    openSsl("wrong version number"),
    "no-tls",
    "it does not speak TLS (wrong version number)",
  ],
  ["EPROTO", openSsl("tlsv1 unrecognized name"), "other", "TLS failed (tlsv1 unrecognized name)"],
  ["ECONNREFUSED", "connect ECONNREFUSED ::1:3001", "other", "the connection was refused"],
  ["ENOTFOUND", "getaddrinfo ENOTFOUND a", "other", "its name does not resolve (ENOTFOUND)"],
  ["ENOENT", "connect ENOENT /run/app.sock", "other", "there is no such socket"],
  ["EWEIRD", "something else", "other", "something else"],
];

for (const [code, message, kind, words] of rows) {
  test(`${code} is told as "${words}"`, () => {
    const cause = Object.assign(new Error(message), { code });
    assert.deepEqual(connectionFailure(cause), { kind, words });
  });
}

test("a certificate for other names is told with them, cut where they are many", () => {
  const names = Array.from({ length: 100 }, (_, index) => `DNS:${index}.example`).join(", ");
  const message = `Hostname/IP does not match certificate's altnames: Host: x.example. is not in the cert's altnames: ${names}`;
  const cause = Object.assign(new Error(message), { code: "ERR_TLS_CERT_ALTNAME_INVALID" });
  const { kind, words } = connectionFailure(cause);
  assert.equal(kind, "other-name");
  assert.match(
    words,
    /it is for another name: Host: x\.example\. is not in .*DNS:0\.example, .*…\)$/,
  );
  assert.ok(words.length < 300);
});

test("what is no error is told as it is", () => {
  assert.deepEqual(connectionFailure("gone"), { kind: "other", words: "gone" });
});
