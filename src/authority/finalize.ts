import type { X509Certificate } from "node:crypto";
import type { Clock } from "../base/clock.ts";
import { type AccountKey, keyThumbprint } from "./account-key.ts";
import type { SignedRequest } from "./authenticate.ts";
import { certifyLeaf, type Validity } from "./certify.ts";
import { decodeBase64Url, textField } from "./fields.ts";
import type { IssuerKeeper } from "./issuer.ts";
import { type Order, orderStatus } from "./orders.ts";
import { type CertificateRequest, readCsr } from "./read-csr.ts";
import { Refusal } from "./refusal.ts";
import type { RenewalInfo } from "./renewal-info.ts";

/** Clients whose clock is behind by so much accept a new certificate at once … */
const BACKDATE_MAX_MS = 60_000;
/** … but no more than this part of its life is spent on them. */
const BACKDATE_MAX_SHARE = 0.1;

/** What finalizing works with. */
export interface FinalizeParts {
  readonly keeper: IssuerKeeper;
  readonly renewalInfo: RenewalInfo;
  readonly clock: Clock;
  readonly lifetimeMs: number;
}

/**
 * Turns an order that is ready into a certificate (RFC 8555 §7.4): CSR read and checked, leaf signed,
 * chain put into the order. After a refusal the order is ready as before.
 *
 * @throws {Refusal} `orderNotReady`, `badCSR`, `malformed`.
 */
export async function finalize(
  order: Order,
  { account, fields }: SignedRequest,
  parts: FinalizeParts,
): Promise<void> {
  if (fields === undefined) throw new Refusal("malformed", "finalize needs an object");
  const status = orderStatus(order, order.expiresAt <= parts.clock.now());
  if (status !== "ready") throw new Refusal("orderNotReady", `The order is ${status}, not ready`);
  const csr = readCsr(decodeBase64Url(textField(fields, "csr", "payload"), "CSR"));
  checkAgainstOrder(csr, order, account);
  order.issuance = { kind: "running" };
  try {
    order.issuance = { kind: "done", chain: await issue(order, csr, parts) };
  } catch (thrown) {
    order.issuance = { kind: "not-asked" };
    throw thrown;
  }
}

function checkAgainstOrder(csr: CertificateRequest, order: Order, account: AccountKey): void {
  const ordered = new Set<string>(order.authorizations.map(({ host }) => host));
  if (csr.names.symmetricDifference(ordered).size > 0) {
    throw new Refusal(
      "badCSR",
      "The names of the certification request are not those of the order",
    );
  }
  // RFC 8555 §11.1: who gets hold of one key must not have both.
  if (keyThumbprint(csr.publicKey) === account.thumbprint) {
    throw new Refusal("badCSR", "The key of the certification request is the account's");
  }
}

async function issue(order: Order, csr: CertificateRequest, parts: FinalizeParts): Promise<string> {
  const { keeper, renewalInfo, clock, lifetimeMs } = parts;
  const { intermediate } = await keeper.fresh();
  const names = order.authorizations.map(({ host }) => host);
  const validity = leafValidity(clock.now(), lifetimeMs, intermediate.certificate);
  const leaf = certifyLeaf(csr.publicKey, names, validity, intermediate);
  renewalInfo.remember(leaf, order.account, names);
  if (order.replaces !== undefined) renewalInfo.markReplaced(order.replaces);
  return leaf.toString() + intermediate.certificate.toString();
}

/** A life of exactly `lifetimeMs`, cut only where the issuer's own ends. */
function leafValidity(now: number, lifetimeMs: number, issuer: X509Certificate): Validity {
  const notBefore = now - Math.min(BACKDATE_MAX_MS, lifetimeMs * BACKDATE_MAX_SHARE);
  const notAfter = Math.min(notBefore + lifetimeMs, issuer.validToDate.getTime());
  return { notBefore, notAfter };
}
