import assert from "node:assert/strict";
import { test } from "node:test";
import { readCidr, readListenAddress, readTcpAddress } from "../../src/config/addresses.ts";
import { readBackendAddress } from "../../src/config/backend-address.ts";
import { readHostPattern } from "../../src/config/host-pattern.ts";
import { readAskUrl, readDirectoryUrl, readPrefix } from "../../src/config/locations.ts";
import { readEmail, readSuffix } from "../../src/config/names.ts";
import {
  formatDuration,
  readDuration,
  readRenewAt,
  readSize,
} from "../../src/config/quantities.ts";
import type { Reading } from "../../src/config/reading.ts";
import { readPathRedirectTarget, readRedirectTarget } from "../../src/config/redirect-target.ts";
import { readHeaderName, readHeaderValue } from "../../src/config/respond-header.ts";

const day = (text: string) => readDuration(text, 1, 86_400_000);
const tcp = (host: string | undefined, port: number) => ({ kind: "tcp", host, port });
const http = (host: string, port: number) => ({ kind: "http", address: { host, port } });
const REFUSED = Symbol("refused");

/** A reader, a text, and what it means. */
const cases: readonly (readonly [(text: string) => Reading<unknown>, string, unknown])[] = [
  [day, "250ms", 250],
  [day, "10s", 10_000],
  [day, "5m", 300_000],
  [day, "12h", 43_200_000],
  [day, "1d", 86_400_000],
  [day, "2d", REFUSED],
  [day, "0s", REFUSED],
  [day, "1.5s", REFUSED],
  [day, "-1s", REFUSED],
  [day, "5", REFUSED],
  [day, "5 s", REFUSED],
  [day, "5S", REFUSED],
  [day, "1h30m", REFUSED],
  [day, "", REFUSED],
  [readSize, "1B", 1],
  [readSize, "16KiB", 16_384],
  [readSize, "10MiB", 10_485_760],
  [readSize, "2GiB", 2_147_483_648],
  [readSize, "0B", REFUSED],
  [readSize, "10MB", REFUSED],
  [readSize, "10", REFUSED],
  [readSize, "999999999999GiB", REFUSED],
  [readRenewAt, "auto", "auto"],
  [readRenewAt, "1%", 0.01],
  [readRenewAt, "99%", 0.99],
  [readRenewAt, "0%", REFUSED],
  [readRenewAt, "100%", REFUSED],
  [readRenewAt, "33.3%", REFUSED],
  [readListenAddress, ":443", tcp(undefined, 443)],
  [readListenAddress, ":0", tcp(undefined, 0)],
  [readListenAddress, "127.0.0.1:8443", tcp("127.0.0.1", 8_443)],
  [readListenAddress, "[::1]:443", tcp("::1", 443)],
  [readListenAddress, "[::]:443", tcp("::", 443)],
  [readListenAddress, "localhost:443", tcp("localhost", 443)],
  [readListenAddress, "fd:3", { kind: "fd", fd: 3 }],
  [readListenAddress, "fd:2", REFUSED],
  [readListenAddress, "443", REFUSED],
  [readListenAddress, ":65536", REFUSED],
  [readListenAddress, "::1:443", REFUSED],
  [readListenAddress, "[127.0.0.1]:443", REFUSED],
  [readListenAddress, "1.2.3:443", REFUSED],
  [readListenAddress, "*:443", REFUSED],
  [readListenAddress, "https://a:443", REFUSED],
  [readTcpAddress, "a_b:1", { host: "a_b", port: 1 }],
  [readTcpAddress, "A.example:1", { host: "A.example", port: 1 }],
  [readTcpAddress, "a:0", REFUSED],
  [readTcpAddress, ":1", REFUSED],
  [readTcpAddress, "a..b:1", REFUSED],
  [readTcpAddress, "-a:1", REFUSED],
  [readTcpAddress, "1.2.3.4.5:1", REFUSED],
  [readCidr, "10.0.0.0/8", "10.0.0.0/8"],
  [readCidr, "10.0.0.1", "10.0.0.1/32"],
  [readCidr, "2001:db8::/32", "2001:db8::/32"],
  [readCidr, "::1", "::1/128"],
  [readCidr, "10.0.0.0/33", REFUSED],
  [readCidr, "10.0.0/8", REFUSED],
  [readCidr, "10.0.0.0/", REFUSED],
  [readCidr, "a.example", REFUSED],
  [readBackendAddress, "3001", http("127.0.0.1", 3_001)],
  [readBackendAddress, "app:3001", http("app", 3_001)],
  [readBackendAddress, "[::1]:3001", http("::1", 3_001)],
  [readBackendAddress, "http://app", http("app", 80)],
  [readBackendAddress, "http://app/", http("app", 80)],
  [readBackendAddress, "HTTP://app:8080", http("app", 8_080)],
  [readBackendAddress, "http://[::1]", http("::1", 80)],
  [readBackendAddress, "https://app", { kind: "https", address: { host: "app", port: 443 } }],
  [readBackendAddress, "tcp://app:1883", { kind: "tcp", address: { host: "app", port: 1_883 } }],
  [readBackendAddress, "unix:/run/a.sock", { kind: "unix", path: "/run/a.sock" }],
  [readBackendAddress, "unix:///run/a.sock", { kind: "unix", path: "/run/a.sock" }],
  [readBackendAddress, "unix:a.sock", { kind: "unix", path: "a.sock" }],
  [readBackendAddress, "unix:", REFUSED],
  [readBackendAddress, "unix:/a\0b", REFUSED],
  [readBackendAddress, "0", REFUSED],
  [readBackendAddress, "65536", REFUSED],
  [readBackendAddress, "app", REFUSED],
  [readBackendAddress, "tcp://app", REFUSED],
  [readBackendAddress, "h2c://app", { kind: "h2c", address: { host: "app", port: 80 } }],
  [readBackendAddress, "h2c://app/path", REFUSED],
  [readBackendAddress, "ftp://app", REFUSED],
  [readBackendAddress, "http://app/path", REFUSED],
  [readBackendAddress, "http://app?x", REFUSED],
  [readBackendAddress, "http://u@app", REFUSED],
  [readBackendAddress, "http://", REFUSED],
  [readBackendAddress, "http://[::1", REFUSED],
  [readBackendAddress, "http://[app]", REFUSED],
  [readBackendAddress, "http://a b", REFUSED],
  [readHostPattern, "A.Example.", { kind: "exact", host: "a.example" }],
  [readHostPattern, "bücher.example", { kind: "exact", host: "xn--bcher-kva.example" }],
  [readHostPattern, "*.A.example", { kind: "wildcard", parent: "a.example" }],
  [readHostPattern, "*", { kind: "catch-all" }],
  [readHostPattern, "*.", REFUSED],
  [readHostPattern, "*.*.example", REFUSED],
  [readHostPattern, "**.example", REFUSED],
  [readHostPattern, "*.127.0.0.1", REFUSED],
  [readHostPattern, "", REFUSED],
  [readRedirectTarget, "a.example", { host: "a.example", port: undefined, path: undefined }],
  [readRedirectTarget, "a.example:8443/x?y", { host: "a.example", port: 8_443, path: "/x?y" }],
  [
    readRedirectTarget,
    "https://Bücher.example/",
    { host: "xn--bcher-kva.example", port: undefined, path: "/" },
  ],
  [readRedirectTarget, "[2001:db8::1]:8443", { host: "2001:db8::1", port: 8_443, path: undefined }],
  [readRedirectTarget, "192.0.2.1", { host: "192.0.2.1", port: undefined, path: undefined }],
  [readRedirectTarget, "http://a.example", REFUSED],
  [readRedirectTarget, "ftp://a.example", REFUSED],
  [readRedirectTarget, "a.example:0", REFUSED],
  [readRedirectTarget, "a.example:70000", REFUSED],
  [readRedirectTarget, "a.example/a b", REFUSED],
  [readRedirectTarget, "a.example/#x", REFUSED],
  [readRedirectTarget, "a.example/%zz", REFUSED],
  [readRedirectTarget, "a.example/\r\nx", REFUSED],
  [readRedirectTarget, "u@a.example", REFUSED],
  [readRedirectTarget, "/x", REFUSED],
  [readRedirectTarget, "", REFUSED],
  [readHeaderName, "Retry-After", "Retry-After"],
  [readHeaderName, "Content-Length", REFUSED],
  [readHeaderName, "upgrade", REFUSED],
  [readHeaderName, "a:b", REFUSED],
  [readHeaderName, "", REFUSED],
  [readHeaderValue, "a b\tc", "a b\tc"],
  [readHeaderValue, "", ""],
  [readHeaderValue, " a", REFUSED],
  [readHeaderValue, "a\r\nb", REFUSED],
  [readHeaderValue, "a\0", REFUSED],
  [readHeaderValue, "ü", REFUSED],
  [readEmail, "ops+tls@shop.example", "ops+tls@shop.example"],
  [readEmail, "mailto:ops@shop.example", REFUSED],
  [readEmail, "a@b.example,c@d.example", REFUSED],
  [readEmail, "Ops <a@b.example>", REFUSED],
  [readEmail, "a@", REFUSED],
  [readSuffix, "Lan", "lan"],
  [readSuffix, "*.lan", REFUSED],
  [readSuffix, "a b", REFUSED],
  [readAskUrl, "http://127.0.0.1:3000/ok?x=1", "http://127.0.0.1:3000/ok?x=1"],
  [readAskUrl, "http://a/#x", REFUSED],
  [readAskUrl, "http://u:p@a/", REFUSED],
  [readAskUrl, "a.example", REFUSED],
  [readDirectoryUrl, "https://ca.example/dir", "https://ca.example/dir"],
  [readDirectoryUrl, "http://ca.example/dir", REFUSED],
  [readPrefix, "/", "/"],
  [readPrefix, "/v2/%20", "/v2/%20"],
  [readPrefix, "v2", REFUSED],
  [readPrefix, "/a/../b", REFUSED],
  [readPrefix, "/a#b", REFUSED],
];

for (const [reader, text, expected] of cases) {
  const outcome = expected === REFUSED ? "refuses" : "understands";
  test(`${reader.name} ${outcome} ${JSON.stringify(text)}`, () => {
    const reading = reader(text);
    if (expected !== REFUSED) return assert.deepEqual(reading, { ok: true, value: expected });
    assert.ok(!reading.ok);
    assert.match(
      reading.why,
      /^(?:is|has|holds|leads|frames|covers|would).+(?:wanted|: remove it)/,
    );
  });
}

test("a redirect with a fragment is refused for just that", () => {
  for (const target of ["a.example/x#y", "https://a.example/#", "/x#y"]) {
    const reading = readPathRedirectTarget(target);
    assert.match(reading.ok ? "" : reading.why, /^has a fragment/, target);
  }
});

test("a duration is shown in the largest unit that leaves no rest", () => {
  const shown = [1, 1_500, 60_000, 90_000, 86_400_000].map(formatDuration);
  assert.deepEqual(shown, ["1ms", "1500ms", "1m", "90s", "1d"]);
});
