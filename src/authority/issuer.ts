import { createPrivateKey } from "node:crypto";
import { toDer } from "../acme/der.ts";
import { createKey } from "../acme/keys.ts";
import type { Clock } from "../base/clock.ts";
import type { ErrorCode } from "../base/errors.ts";
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

  /**
   * Writes back the CAs in use whose files were deleted: machines trust this root.
   *
   * @throws What the store throws.
   */
  async restore(): Promise<void> {
    const { store } = this.#ground;
    for (const name of ["root", "intermediate"] as const)
      if ((await readCa(store, name)).kind === "absent")
        await writeCa(store, name, this.#issuer[name]);
  }

  /** The CAs to sign with now: replaced first if one is about to end. */
  async fresh(): Promise<Issuer> {
    const { intermediate, root } = this.#issuer;
    const isDue = isIntermediateDue(intermediate, root, this.#ground);
    if (!isDue && !isRootDue(root, this.#ground.clock.now())) return this.#issuer;
    const replace = () => this.#flights.run("replace", () => openIssuer(this.#ground));
    this.#issuer = await orKeep(this.#issuer, intermediate, this.#ground, replace);
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
    const root = await makeRoot(ground);
    log.info("authority.root-made", { suffixes: suffixes.join(" ") });
    return root;
  }
  if (stored.kind === "corrupt") return replaceRoot(ground, stored.why, "STORAGE_CORRUPT");
  const { signer } = stored;
  if (!isFor(signer, ground.suffixes)) {
    return replaceRoot(ground, "it is made for other suffixes than authority.permit says");
  }
  if (!isRootDue(signer, ground.clock.now())) return signer;
  return orKeep(signer, signer, ground, () => replaceRoot(ground, "it is about to end"));
}

/** Is the name constraint of the root, byte for byte, the one it would be made with now? */
function isFor({ certificate }: Signer, suffixes: readonly string[]): boolean {
  const constraint = partsOf(certificate).extensions.find(({ oid }) => oid === NAME_CONSTRAINTS);
  return constraint?.value.equals(toDer(nameConstraints(suffixes))) ?? false;
}

async function replaceRoot(ground: IssuerGround, why: string, code?: ErrorCode): Promise<Signer> {
  const kept = await keepAside(ground.store, "root");
  const root = await makeRoot(ground);
  ground.log.warn("authority.root-replaced", {
    code,
    message: `Cannot go on with the root: ${why}. Trust the new root.pem wherever the old one was`,
    kept,
  });
  return root;
}

async function makeRoot({ store, clock, suffixes }: IssuerGround): Promise<Signer> {
  const key = createPrivateKey(await createKey("ecdsa-p256"));
  const certificate = certifyRoot(key, suffixes, validityFrom(clock, ROOT_LIFE_MS));
  await writeCa(store, "root", { certificate, key });
  return { certificate, key };
}

async function openIntermediate(ground: IssuerGround, root: Signer): Promise<Signer> {
  const { store, log } = ground;
  const stored = await readCa(store, "intermediate");
  if (stored.kind === "absent") return makeIntermediate(ground, root);
  if (stored.kind === "corrupt") {
    const kept = await keepAside(store, "intermediate");
    const message = `Cannot go on with the intermediate: ${stored.why}`;
    log.warn("authority.intermediate-replaced", { code: "STORAGE_CORRUPT", message, kept });
    return makeIntermediate(ground, root);
  }
  const { signer } = stored;
  if (!isIssuedBy(signer, root)) return makeIntermediate(ground, root);
  if (!isIntermediateDue(signer, root, ground)) return signer;
  return orKeep(signer, signer, ground, () => makeIntermediate(ground, root));
}

function isIssuedBy({ certificate }: Signer, root: Signer): boolean {
  return (
    certificate.checkIssued(root.certificate) && certificate.verify(root.certificate.publicKey)
  );
}

async function makeIntermediate(ground: IssuerGround, root: Signer): Promise<Signer> {
  const { store, clock, log, suffixes, lifetimeMs } = ground;
  const key = createPrivateKey(await createKey("ecdsa-p256"));
  const lifeMs = Math.max(INTERMEDIATE_LIFE_MS, INTERMEDIATE_LIVES * lifetimeMs);
  const { notBefore, notAfter } = validityFrom(clock, lifeMs);
  const end = Math.min(notAfter, root.certificate.validToDate.getTime());
  const certificate = certifyIntermediate(key, suffixes, { notBefore, notAfter: end }, root);
  await writeCa(store, "intermediate", { certificate, key });
  log.info("authority.intermediate-made", { notAfter: certificate.validToDate.toISOString() });
  return { certificate, key };
}

/** What is about to end goes on being used for as long as its successor cannot be stored. */
async function orKeep<T>(
  current: T,
  { certificate }: Signer,
  { clock, log }: IssuerGround,
  replace: () => Promise<T>,
): Promise<T> {
  try {
    return await replace();
  } catch (thrown) {
    if (certificate.validToDate.getTime() <= clock.now()) throw thrown;
    log.warn("authority.replacement-failed", failureFacts(thrown));
    return current;
  }
}

function validityFrom(clock: Clock, lifeMs: number): Validity {
  const notBefore = clock.now() - CLOCK_SKEW_MS;
  return { notBefore, notAfter: notBefore + lifeMs };
}

function isRootDue({ certificate }: Signer, now: number): boolean {
  return certificate.validToDate.getTime() - now < ROOT_RENEW_MS;
}

/** Less than a third of its life left, or than a leaf is to live; one that ends with its root is not due before it. */
function isIntermediateDue({ certificate }: Signer, root: Signer, ground: IssuerGround): boolean {
  const end = certificate.validToDate.getTime();
  const third = (end - certificate.validFromDate.getTime()) / INTERMEDIATE_LIVES;
  const left = end - ground.clock.now();
  const isLast = end >= root.certificate.validToDate.getTime();
  return !isLast && left < Math.max(third, ground.lifetimeMs);
}
