import assert from "node:assert/strict";
import { type KeyObject, X509Certificate } from "node:crypto";
import type { ServerResponse } from "node:http";
import { join } from "node:path";
import { after, test } from "node:test";
import { bitString, boolean, sequence } from "../../src/acme/der.ts";
import { extension } from "../../src/acme/extension.ts";
import {
  certify,
  issuedElsewhere,
  makeAuthority,
  makeCertificate,
  makeKey,
} from "../support/certificates.ts";
import { entriesOf, temporaryFolder } from "../support/folders.ts";
import { HttpsAuthority } from "../support/https-authority.ts";
import { Issuing } from "../support/issuing.ts";
import { named } from "../support/stored.ts";

const DAY = 86_400_000;
const host = named("shop.test");
const ca = await HttpsAuthority.start();
after(() => ca[Symbol.asyncDispose]());

const root = makeAuthority({ name: "Bad root" });
const issuer = makeAuthority({ name: "Bad intermediate", parent: root });

/** What the CA has signed for us: the good answer, and our public key, of which it can make others. */
interface Signed {
  readonly chain: string;
  readonly key: KeyObject;
}

interface BadChain {
  readonly what: string;
  /** The answer in place of the chain: its body, or `true` when it was written by hand. */
  readonly send: (signed: Signed, response: ServerResponse) => string | true;
  /** What stands in `lastError`. */
  readonly detail: RegExp;
}

const leafWith = (key: KeyObject, more: Partial<Parameters<typeof certify>[0]> = {}): string =>
  certify({ names: [host], issuer, key, ...more });

const isCa = [
  extension("2.5.29.19", true, sequence(boolean(true))),
  extension("2.5.29.15", true, bitString(Buffer.of(0x06), 1)),
];

const badChains: readonly BadChain[] = [
  {
    what: "for another key",
    send: () => leafWith(makeKey()),
    detail: /the key does not belong to the certificate/,
  },
  {
    what: "for another name",
    send: ({ key }) => leafWith(key, { names: ["other.test"] }),
    detail: /it is for "other\.test"/,
  },
  {
    what: "for one name too many",
    send: ({ key }) => leafWith(key, { names: [host, "other.test"] }),
    detail: /it is for "shop\.test", "other\.test"/,
  },
  {
    what: "for a wildcard that covers the name",
    send: ({ key }) => leafWith(key, { names: ["*.test"] }),
    detail: /it is for "\*\.test"/,
  },
  {
    what: "of yesterday",
    send: ({ key }) => leafWith(key, { notAfter: Date.now() - 1_000, notBefore: 0 }),
    detail: /it has expired/,
  },
  {
    what: "of tomorrow",
    send: ({ key }) => leafWith(key, { notBefore: Date.now() + DAY }),
    detail: /it is not valid yet/,
  },
  {
    what: "with its intermediate first",
    send: ({ key }) => issuer.certificate + leafWith(key, { issuer: { ...issuer, path: "" } }),
    detail: /certificate 1 of the chain is not issued by the next one/,
  },
  {
    what: "whose intermediates are in the wrong order",
    send: ({ key }) =>
      leafWith(key, { issuer: { ...issuer, path: root.certificate + issuer.certificate } }),
    detail: /certificate 1 of the chain is not issued by the next one/,
  },
  {
    what: "with the leaf twice",
    send: ({ key }) => {
      const alone = leafWith(key, { issuer: { ...issuer, path: "" } });
      return alone + alone + issuer.certificate;
    },
    detail: /certificate 1 of the chain is not issued by the next one/,
  },
  {
    what: "with a stranger's intermediate",
    send: ({ key }) =>
      leafWith(key, {
        issuer: { ...issuer, path: makeAuthority({ name: issuer.name }).certificate },
      }),
    detail: /certificate 1 of the chain is not issued by the next one/,
  },
  {
    what: "without the intermediate that it names",
    send: ({ key }) =>
      leafWith(key, { issuer: { ...issuer, path: "" }, extensions: [issuedElsewhere] }),
    detail: /its chain lacks the intermediate/,
  },
  {
    what: "without the intermediate that the one before came with",
    send: ({ key }) => leafWith(key, { issuer: { ...issuer, path: "" } }),
    detail: /its chain lacks the intermediate/,
  },
  {
    what: "that names itself as its issuer",
    send: ({ key }) => leafWith(key, { issuer: { ...issuer, name: host, path: "" } }),
    detail: /it names itself as its issuer/,
  },
  {
    what: "that may sign others",
    send: ({ key }) => leafWith(key, { extensions: isCa }),
    detail: /it is the certificate of a CA/,
  },
  {
    what: "of fifty certificates",
    send: ({ chain }) => chain + chain.repeat(24),
    detail: /longer than 10 certificates/,
  },
  {
    what: "of a thousand certificates",
    send: ({ chain }) => chain.repeat(500),
    detail: /larger than 262144 bytes/,
  },
  {
    what: "with a private key in it",
    send: ({ chain }) => chain + makeCertificate({ names: [host] }).key,
    detail: /it holds more than certificates/,
  },
  {
    what: "of garbage between the right lines",
    send: () => "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    detail: /a certificate that cannot be decoded/,
  },
  {
    what: "cut off in the middle",
    send: ({ chain }) => chain.slice(0, 400),
    detail: /it holds a certificate that is cut/,
  },
  {
    what: "cut off in its second certificate",
    send: ({ chain }) => chain.slice(0, chain.lastIndexOf("-----BEGIN") + 200),
    detail: /it holds a certificate that is cut/,
  },
  { what: "of nothing", send: () => "", detail: /it holds no certificate/ },
  {
    what: "that is a page of HTML",
    send: () => "<!doctype html><title>Sign in to the network</title>",
    detail: /it holds no certificate/,
  },
  {
    what: "of 100 MB",
    send: (_signed, response) => {
      sendMuch(response, 104_857_600);
      return true;
    },
    detail: /larger than 262144 bytes/,
  },
];

/** How much of the 100 MB went out before the program hung up. */
let sent = 0;

function sendMuch(response: ServerResponse, total: number): void {
  response.writeHead(200, { "content-type": "application/pem-certificate-chain" });
  const more = (error?: Error | null): void => {
    if (error || sent >= total) return;
    sent += 65_536;
    response.write(Buffer.alloc(65_536, "A"), more);
  };
  more();
}

const optionsOf = (root: string) => ({
  root,
  hosts: [host],
  directory: ca.directory,
  ca: ca.address,
});

for (const { what, send, detail } of badChains) {
  test(`C9: a chain ${what} never goes live: the old one is served, and the reason is told`, async () => {
    await using folder = await temporaryFolder();
    await using issuing = await Issuing.open(optionsOf(join(folder.path, "storage")));
    const { floor, log, told } = issuing;
    const { certificates } = issuing.storage;
    const due = { notBefore: Date.now() - 80 * DAY, notAfter: Date.now() + 10 * DAY };
    const renewable = makeCertificate({ names: [host], issuer, ...due });
    const old = await certificates.save(host, renewable, { issuer: ca.directory });
    const before = await entriesOf(certificates.folder);
    ca.hooks = {
      after: (path, answer, response) => {
        if (!path.startsWith("/certificate/")) return answer;
        const key = new X509Certificate(answer.body).publicKey;
        const body = send({ chain: answer.body, key }, response);
        return body === true || { ...answer, body };
      },
    };

    await issuing.run();
    const { event } = await log.first("certificate.failed", "certificate.issued");
    assert.equal(event, "certificate.failed");
    await issuing.settled();
    assert.deepEqual(await floor.need(host), { kind: "stored" });
    const [row] = floor.list();
    assert.deepEqual([row?.state, row?.serial], ["failing", old.credential.serial]);
    assert.match(row?.lastError?.detail ?? "", detail);
    assert.notEqual(row?.lastError?.hint ?? "", "");
    const remembered = await issuing.storage.attempts.load(host);
    assert.equal(remembered?.lastError.detail, row?.lastError?.detail);
    assert.deepEqual(await entriesOf(certificates.folder), before);
    assert.ok(!told.some(({ type }) => type === "certificate.announce"), "workers hear of nothing");
    assert.ok(sent < 16_777_216, `${sent} bytes were sent before it hung up`);
  });
}

test("a chain that nothing is wrong with goes live", async () => {
  await using folder = await temporaryFolder();
  await using issuing = await Issuing.open(optionsOf(join(folder.path, "storage")));
  ca.hooks = {};
  await issuing.run();
  const { event } = await issuing.log.first("certificate.failed", "certificate.swapped");
  assert.equal(event, "certificate.swapped");
  assert.equal(issuing.told.at(-1)?.type, "certificate.announce");
});
