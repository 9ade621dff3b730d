import assert from "node:assert/strict";
import { Duplex } from "node:stream";
import tls from "node:tls";
import { parsePlain } from "../../src/base/hostname.ts";
import { readClientHello } from "../../src/connection/client-hello.ts";
import { makeCertificate } from "./certificates.ts";
import { capturedHellos, mutate, seededRandom } from "./hello-bytes.ts";

const { chain, key } = makeCertificate({ names: ["shop.example"] });
const secureContext = tls.createSecureContext({ cert: chain, key });

/** RFC 8446 §4.1.3: the random of a HelloRetryRequest, which is sent before the name is looked at. */
const RETRY_RANDOM = Buffer.from(
  "cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c",
  "hex",
);

type Answer =
  /** OpenSSL asks for the context of this name. */
  | { readonly kind: "name"; readonly name: string }
  /** It goes on without a name. */
  | { readonly kind: "no name" }
  /** It refuses, or wants more before it looks at the name. */
  | { readonly kind: "refused" };

/** What OpenSSL makes of the same bytes. */
function askOpenssl(hello: Buffer): Promise<Answer> {
  const { promise, resolve } = Promise.withResolvers<Answer>();
  const transport = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      done();
      const isRetry = chunk.subarray(11, 43).equals(RETRY_RANDOM);
      resolve({ kind: chunk[0] === 22 && !isRetry ? "no name" : "refused" });
    },
  });
  const socket = new tls.TLSSocket(transport, {
    isServer: true,
    secureContext,
    // Never called back: the handshake stops here.
    SNICallback: (name) => resolve({ kind: "name", name }),
  });
  socket.on("error", () => resolve({ kind: "refused" }));
  socket.on("close", () => resolve({ kind: "refused" }));
  transport.push(hello);
  transport.push(null);
  return promise.finally(() => socket.destroy());
}

export type Comparison = "both" | "ours refused" | "theirs refused";

/** Fails when both read the hello and came to different names. What we refuse need not be compared. */
export async function compareWithOpenssl(hello: Buffer): Promise<Comparison> {
  const read = readClientHello(hello);
  const ours = read.kind === "complete" ? parsePlain(read.serverName ?? "") : undefined;
  if (ours === undefined) return "ours refused";
  const theirs = await askOpenssl(hello);
  if (theirs.kind === "refused") return "theirs refused";
  const name = theirs.kind === "name" ? parsePlain(theirs.name) : undefined;
  assert.equal(name, ours, `another name for ${hello.toString("base64")}`);
  return "both";
}

/** Compares spoilt hellos until we accepted `count` of them; what came of all. */
export async function compareSpoilt(
  count: number,
  seed: number,
): Promise<Record<Comparison, number>> {
  const random = seededRandom(seed);
  const seeds = [...capturedHellos.values()];
  const outcomes = { both: 0, "ours refused": 0, "theirs refused": 0 };
  for (let each = 0; outcomes.both + outcomes["theirs refused"] < count; each += 1) {
    const spoilt = mutate(seeds[each % seeds.length] ?? Buffer.alloc(0), random);
    outcomes[await compareWithOpenssl(spoilt)] += 1;
  }
  return outcomes;
}

/** How {@link readClientHello} takes `count` spoilt hellos. */
export function readSpoilt(count: number, seed: number) {
  const random = seededRandom(seed);
  const seeds = [...capturedHellos.values()];
  const kinds = { complete: 0, partial: 0, malformed: 0, "plain-http": 0 };
  for (let each = 0; each < count; each += 1) {
    const spoilt = mutate(seeds[each % seeds.length] ?? Buffer.alloc(0), random);
    kinds[readClientHello(spoilt).kind] += 1;
  }
  return kinds;
}
