import assert from "node:assert/strict";
import { test } from "node:test";
import { cdnAt, cdnIn } from "../../src/base/cdn.ts";

const addresses: readonly [address: string, cdn: string | undefined][] = [
  ["104.16.0.1", "Cloudflare"],
  ["172.71.255.255", "Cloudflare"],
  ["172.80.0.0", undefined],
  ["2606:4700:3031::ac43:1", "Cloudflare"],
  ["151.101.1.69", "Fastly"],
  ["2a04:4e42::81", "Fastly"],
  ["192.88.134.9", "Sucuri"],
  ["45.60.1.1", "Imperva"],
  ["203.0.113.7", undefined],
  ["127.0.0.1", undefined],
  ["::1", undefined],
];

for (const [address, cdn] of addresses) {
  test(`${address} is an address of ${cdn ?? "no CDN"}`, () => {
    assert.equal(cdnAt(address), cdn);
  });
}

const answers: readonly [headers: Readonly<Record<string, string>>, cdn: string | undefined][] = [
  [{ server: "cloudflare", "cf-ray": "8f-FRA" }, "Cloudflare"],
  [{ "x-served-by": "cache-fra-1" }, "Fastly"],
  [{ "x-served-by": "web1" }, undefined],
  [{ "x-amz-cf-id": "abc" }, "CloudFront"],
  [{ server: "AkamaiGHost" }, "Akamai"],
  [{ server: "nginx" }, undefined],
  [{}, undefined],
];

for (const [headers, cdn] of answers) {
  test(`an answer with ${JSON.stringify(headers)} comes from ${cdn ?? "no CDN"}`, () => {
    assert.equal(cdnIn(headers), cdn);
  });
}
