import assert from "node:assert/strict";
import { test } from "node:test";
import { readCredential } from "../../src/base/credential.ts";
import { parseHostname } from "../../src/base/hostname.ts";
import { makeProbe } from "../../src/certificate/probe.ts";
import { lookOverTls, type TlsLook } from "../../src/doctor/look-tls.ts";
import { makeCertificate } from "../support/certificates.ts";
import { respondTls } from "../support/challenge-responder.ts";
import { deadPort } from "../support/dead-port.ts";

const host = parseHostname("shop.example")!;
const probe = await makeProbe(host);
const site = makeCertificate({ names: ["shop.example"] });
const { serial } = readCredential(site.chain, site.key);
const foreign = makeCertificate({ names: ["other.example"] });

function look(port: number, more: Partial<TlsLook> = {}) {
  const { chain } = probe;
  return lookOverTls(
    { host, address: "127.0.0.1", port, chain, serial, ...more },
    AbortSignal.timeout(20_000),
  );
}

const rows: readonly {
  readonly what: string;
  readonly shown: { readonly chain: string; readonly key: string } | undefined;
  readonly protocols?: readonly string[];
  readonly more?: Partial<TlsLook>;
  readonly sight: unknown;
}[] = [
  { what: "our own probe", shown: probe, sight: { kind: "ours" } },
  {
    what: "our certificate, without acme-tls/1",
    shown: site,
    protocols: ["http/1.1"],
    sight: { kind: "clients-only" },
  },
  {
    what: "our certificate, when an order has acme-tls/1 to itself",
    shown: site,
    protocols: ["http/1.1"],
    more: { chain: undefined },
    sight: { kind: "ours" },
  },
  {
    what: "another certificate",
    shown: foreign,
    protocols: [],
    sight: { kind: "other", subject: "other.example", issuer: "CN=other.example" },
  },
  {
    what: "no certificate, and nothing to know us by",
    shown: undefined,
    protocols: ["http/1.1"],
    more: { chain: undefined },
    sight: undefined,
  },
];

for (const { what, shown, protocols, more, sight } of rows) {
  test(`over TLS: ${what} is ${JSON.stringify(sight)}`, async () => {
    await using server = await respondTls(() => shown, protocols);
    assert.deepEqual(await look(server.listener.port, more), sight);
  });
}

test("over TLS: a server that shows nothing for the name refuses", async () => {
  await using server = await respondTls(() => undefined);
  const sight = await look(server.listener.port);
  assert.equal(sight?.kind, "refused");
});

test("over TLS: nobody listens is closed", async () => {
  assert.deepEqual(await look(await deadPort()), { kind: "closed", code: "ECONNREFUSED" });
});
