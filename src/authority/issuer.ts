import { createPrivateKey } from "node:crypto";
import { toDer } from "../acme/der.ts";
import { createKey } from "../acme/keys.ts";
import type { Clock } from "../base/clock.ts";
import { failureFacts, type Log } from "../base/log.ts";
import { SingleFlight } from "../base/single-flight.ts";
import { type AuthorityStore, keepAside, readCa, writeCa } from "./ca-pair.ts";
import {
  certifyIntermediate,
  certifyRoot,
  NAME_CONSTRAINTS,
  type Signer,
  type Validity,
} from "./certify.ts";
import { partsOf } from "./read-certificate.ts";
import { nameConstraints } from "./suffixes.ts";

const DAY_MS = 86_400_000;
/** A root is trusted by hand on each machine: as seldom as can be. */
const ROOT_LIFE_MS = 3_652 * DAY_MS;
/** A root with less life left is replaced. */
const ROOT_RENEW_MS = 365 * DAY_MS;
/** An intermediate lives this long, or three lifetimes of a leaf; it is replaced with a third of it left. */
const INTERMEDIATE_LIFE_MS = 365 * DAY_MS;
const INTERMEDIATE_LIVES = 3;
/** Machines of one network are seldom further apart. */
const CLOCK_SKEW_MS = 3_600_000;

/** What an issuer is made of and for. */
export interface IssuerGround {
  readonly store: AuthorityStore;
  readonly clock: Clock;
  readonly log: Log;
  /** See `suffixesWith`. */
  readonly suffixes: readonly string[];
  /** Life of the leaves, in milliseconds. */
  readonly lifetimeMs: number;
}

/** The two CAs in use. */
export interface Issuer {
  readonly root: Signer;
  readonly intermediate: Signer;
}

/**
 * Guards the root and the intermediate: loads them, makes what is missing, and replaces what is
 * broken or about to end. Nothing is lost by that: unexpected files are copied aside first.
 *
 * The root stays for as long as its name constraint is exactly the configured one. When
 * `authority.permit` changes, a new root with a new key and name takes its place and has to be
 * trusted anew; the old pair is kept aside.
 */
export class IssuerKeeper {
  readonly #ground: IssuerGround;
  readonly #flights = new SingleFlight<"replace", Issuer>();
  #issuer: Issuer;

  private constructor(ground: IssuerGround, issuer: Issuer) {
    this.#ground = ground;
    this.#issuer = issuer;
  }

  /** @throws What the store throws: a root that cannot be read is never taken for an absent one. */
  static async open(ground: IssuerGround): Promise<IssuerKeeper> {
    return new IssuerKeeper(ground, await openIssuer(ground));
  }

  /** The CAs in use, whatever their age. */
  get current(): Issuer {
    return this.#issuer;
  }

  /** The CAs to sign with now: replaced first if one is about to end. */
  async fresh(): Promise<Issuer> {
    const { intermediate, root } = this.#issuer;
    const now = this.#ground.clock.now();
    if (!isIntermediateDue(intermediate, now) && !isRootDue(root, now)) return this.#issuer;
    try {
      this.#issuer = await this.#flights.run("replace", () => openIssuer(this.#ground));
    } catch (thrown) {
      // A third of its life is left to get storage back to work.
      if (intermediate.certificate.validToDate.getTime() <= now) throw thrown;
      this.#ground.log.warn("authority.replacement-failed", failureFacts(thrown));
    }
    return this.#issuer;
  }
}

async function openIssuer(ground: IssuerGround): Promise<Issuer> {
  const root = await openRoot(ground);
  return { root, intermediate: await openIntermediate(ground, root) };
}

async function openRoot(ground: IssuerGround): Promise<Signer> {
  const { store, log, suffixes } = ground;
  const stored = await readCa(store, "root");
  if (stored.kind === "absent") {
    log.info("authority.root-made", { suffixes: suffixes.join(" ") });
    return makeRoot(ground);
  }
  const why = stored.kind === "corrupt" ? stored.why : rootFault(stored.signer, ground);
  if (stored.kind === "usable" && why === undefined) return stored.signer;
  const kept = await keepAside(store, "root");
  log.warn("authority.root-replaced", {
    code: stored.kind === "corrupt" ? "STORAGE_CORRUPT" : undefined,
    message: `Cannot go on with the root: ${why}. Trust the new root.pem wherever the old one was trusted`,
    kept,
  });
  return makeRoot(ground);
}

function rootFault({ certificate, key }: Signer, ground: IssuerGround): string | undefined {
  if (!certificate.checkIssued(certificate) || !certificate.verify(certificate.publicKey)) {
    return "it is not self-signed";
  }
  if (isRootDue({ certificate, key }, ground.clock.now())) return "it is about to end";
  const constraint = partsOf(certificate).extensions.find(({ oid }) => oid === NAME_CONSTRAINTS);
  if (constraint?.value.equals(toDer(nameConstraints(ground.suffixes)))) return undefined;
  return "it is made for other suffixes than authority.permit says";
}

async function makeRoot({ store, clock, suffixes }: IssuerGround): Promise<Signer> {
  const key = createPrivateKey(await createKey("ecdsa-p256"));
  const certificate = certifyRoot(key, suffixes, validityFrom(clock, ROOT_LIFE_MS));
  await writeCa(store, "root", { certificate, key });
  return { certificate, key };
}

async function openIntermediate(ground: IssuerGround, root: Signer): Promise<Signer> {
  const { store, clock, log } = ground;
  const stored = await readCa(store, "intermediate");
  if (stored.kind === "absent") return makeIntermediate(ground, root);
  if (stored.kind === "corrupt") {
    const kept = await keepAside(store, "intermediate");
    const message = `Cannot go on with the intermediate: ${stored.why}`;
    log.warn("authority.intermediate-replaced", { code: "STORAGE_CORRUPT", message, kept });
    return makeIntermediate(ground, root);
  }
  const { signer } = stored;
  const isOurs = isIssuedBy(signer, root);
  if (isOurs && !isIntermediateDue(signer, clock.now())) return signer;
  log.info("authority.intermediate-replaced", {
    message: isOurs ? "It is about to end" : "It is issued by another root",
  });
  return makeIntermediate(ground, root);
}

function isIssuedBy({ certificate }: Signer, root: Signer): boolean {
  return (
    certificate.checkIssued(root.certificate) && certificate.verify(root.certificate.publicKey)
  );
}

async function makeIntermediate(ground: IssuerGround, root: Signer): Promise<Signer> {
  const { store, clock, suffixes, lifetimeMs } = ground;
  const key = createPrivateKey(await createKey("ecdsa-p256"));
  const lifeMs = Math.max(INTERMEDIATE_LIFE_MS, INTERMEDIATE_LIVES * lifetimeMs);
  const { notBefore, notAfter } = validityFrom(clock, lifeMs);
  const end = Math.min(notAfter, root.certificate.validToDate.getTime());
  const certificate = certifyIntermediate(key, suffixes, { notBefore, notAfter: end }, root);
  await writeCa(store, "intermediate", { certificate, key });
  return { certificate, key };
}

function validityFrom(clock: Clock, lifeMs: number): Validity {
  const notBefore = clock.now() - CLOCK_SKEW_MS;
  return { notBefore, notAfter: notBefore + lifeMs };
}

function isRootDue({ certificate }: Signer, now: number): boolean {
  return certificate.validToDate.getTime() - now < ROOT_RENEW_MS;
}

function isIntermediateDue({ certificate }: Signer, now: number): boolean {
  const end = certificate.validToDate.getTime();
  return end - now < (end - certificate.validFromDate.getTime()) / INTERMEDIATE_LIVES;
}
