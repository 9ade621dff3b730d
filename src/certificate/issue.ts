import type { AcmeClient, AcmeOrder, NewOrder } from "../acme/client.ts";
import { createKey } from "../acme/keys.ts";
import { AcmeProblem } from "../acme/problem.ts";
import type { CertificateName } from "../base/certificate-name.ts";
import { codeOf, LatchkeyError } from "../base/errors.ts";
import { failureFacts } from "../base/log.ts";
import type { Issuer, KeyType } from "../config/config.ts";
import { limits } from "../config/limits.ts";
import type { Orders } from "../storage/orders.ts";
import type { Accounts, Endpoint } from "./account.ts";
import type { Budgets } from "./budgets.ts";
import { chooseChain } from "./chains.ts";
import { isAccountLost, isAccountUnknown } from "./lost-account.ts";
import { completeOrder, type OrderSteps, requireGoodKey } from "./order.ts";
import { type Planned, purposeOf } from "./planned-order.ts";
import { lacksProfile, profileFor } from "./profile.ts";
import { rateLimitIn } from "./rate-limited.ts";
import type { Holding, Issued } from "./records.ts";
import { isAloneOfUnknown, verifyCredential } from "./verify.ts";

/** What issuing needs from its surroundings. */
export interface IssueSteps extends Omit<OrderSteps, "client"> {
  readonly accounts: Accounts;
  readonly keyType: KeyType;
  endpointOf(issuer: Issuer): Endpoint;
  /** Can storage be written? Rejects when not: then nothing is asked of the CA. */
  probe(): Promise<void>;
  readonly orders: Pick<Orders, "load" | "save" | "remove">;
  readonly budgets: Pick<Budgets, "place" | "failed" | "unissued">;
  /** The certificate that the new one takes over from, of the same name. */
  readonly predecessor: Predecessor | undefined;
  /** An order that said what it replaces was answered with an error that may be about that. */
  replacingFailed(): void;
  /** The chain in use; PEM. */
  readonly served?: string | undefined;
}

/** What `replaces` of an order needs to know of a certificate. */
export interface Predecessor {
  /** URL of the directory that issued it. */
  readonly issuer: string;
  /** What the CA calls it (RFC 9773 §4.1); `undefined` when that cannot be told. */
  readonly certId: string | undefined;
}

/** A CA that failed may mind what we say of the certificate of before; its successor is a renewal all the same. */
export function predecessorOf(holding: Holding | undefined): Predecessor | undefined {
  if (holding?.certificate === undefined) return undefined;
  const { certificate, attempts, replacingFailedAt } = holding;
  const mayReplace = replacingFailedAt === undefined && attempts < limits.replacingAttemptsMax;
  return mayReplace ? certificate : { issuer: certificate.issuer, certId: undefined };
}

/** An order of ours that is alive, and its key. */
interface OpenOrder {
  readonly order: AcmeOrder;
  readonly key: string;
}

/** An order that the CA has just taken, and the certificate that it says it replaces. */
interface PlacedOrder {
  readonly order: AcmeOrder;
  readonly replaces: string | undefined;
}

/**
 * One certificate from one CA: account → order (the interrupted one, if there is one) → key and order
 * URL on disk → challenges → certificate, verified, by the chain that is preferred. The order stays on disk until the caller has
 * stored the certificate, unless the CA has ended it.
 */
export async function issue(
  steps: IssueSteps,
  host: CertificateName,
  issuer: Issuer,
  signal: AbortSignal,
): Promise<Issued> {
  await steps.probe();
  const endpoint = steps.endpointOf(issuer);
  const client = await steps.accounts.clientFor(endpoint, signal);
  try {
    return await issueWith(steps, client, endpoint, host, issuer, signal);
  } catch (error) {
    if (!(await isAccountLost(client, error, signal))) throw error;
    const fresh = await steps.accounts.replace(endpoint, client, signal);
    return await issueWith(steps, fresh, endpoint, host, issuer, signal);
  }
}

async function issueWith(
  steps: IssueSteps,
  client: AcmeClient,
  { directory }: Endpoint,
  host: CertificateName,
  issuer: Issuer,
  signal: AbortSignal,
): Promise<Issued> {
  const replaces = await replacedBy(steps, client, directory, signal);
  const resumed = await resume(steps, client, directory, host, signal);
  const { order, key, ...placed } = resumed
    ? { ...resumed, replaces }
    : await begin(steps, client, { directory, host, issuer, replaces }, signal);
  try {
    const certificate = await completeOrder({ ...steps, client }, host, key, order, signal);
    const verify = (chain: string) =>
      verifyCredential(chain, key, host, steps.clock.now(), steps.served);
    const chains = { client, log: steps.log, verify };
    const preferred = issuer.kind === "acme" ? issuer.preferredChain : undefined;
    const credential = await chooseChain(chains, host, certificate, preferred, signal);
    requireGoodKey(steps, host, key);
    if (issuer.kind === "acme" && isAloneOfUnknown(credential.chain, issuer.trust))
      steps.log.warn("certificate.alone", { host, issuer: directory });
    return { credential, issuer: directory };
  } catch (error) {
    // An order that the CA has ended is no use to anybody; one that it never answered about may go on.
    const isWorthAnotherLook = resumed === undefined && isNonsense(error);
    if (hasEnded(error) && !isWorthAnotherLook) await forget(steps, host);
    if (hasEnded(error) && !mayHaveIssued(error)) {
      await steps.budgets.unissued(plannedFor(steps, directory, host, placed.replaces));
    }
    if (error instanceof AcmeProblem && error.challenge !== undefined)
      await steps.budgets.failed(directory, host);
    throw error;
  }
}

/** What the CA said weighs more than a disk that will not let go of the order: that is only told. */
async function forget(steps: IssueSteps, host: CertificateName): Promise<void> {
  try {
    await steps.orders.remove(host);
  } catch (error) {
    steps.log.error("storage.failed", { host, ...failureFacts(error) });
  }
}

/** The order that a crash or a lost CA interrupted, if the CA still knows it. */
async function resume(
  steps: IssueSteps,
  client: AcmeClient,
  directory: string,
  host: CertificateName,
  signal: AbortSignal,
): Promise<OpenOrder | undefined> {
  const stored = await steps.orders.load(host);
  if (stored === undefined || stored.directory !== directory) return undefined;
  if (steps.isRevoked(stored.key)) {
    steps.log.info("order.lost", { host, code: "KEY_REVOKED" });
    return undefined;
  }
  try {
    const order = await client.order(stored.orderUrl, signal);
    if (order.status === "invalid") {
      steps.log.info("order.lost", { host, status: order.status });
      return undefined;
    }
    steps.log.info("order.resumed", { host, status: order.status });
    return { order, key: stored.key };
  } catch (error) {
    if (isAccountUnknown(error) || !hasEnded(error)) throw error;
    steps.log.info("order.lost", { host, ...failureFacts(error) });
    return undefined;
  }
}

/** A new order with a new key, both on disk before the CA is told anything that it could act on. */
async function begin(
  steps: IssueSteps,
  client: AcmeClient,
  wanted: {
    readonly directory: string;
    readonly host: CertificateName;
    readonly issuer: Issuer;
    readonly replaces: string | undefined;
  },
  signal: AbortSignal,
): Promise<OpenOrder & PlacedOrder> {
  const { directory, host, issuer } = wanted;
  const offered = await client.directory(signal, (known) => lacksProfile(known, issuer));
  const profile = profileFor(offered, host, issuer, steps.log);
  const key = await createKey(steps.keyType);
  const asked = { names: [host], profile, replaces: wanted.replaces } as const;
  const { order, replaces } = await place(steps, client, directory, asked, signal);
  const createdAt = steps.clock.now();
  await steps.orders.save({ host, orderUrl: order.url, directory, key, createdAt, profile });
  steps.log.info("order.created", { host, issuer: directory, replaces });
  return { order, key, replaces };
}

/** Only the CA that issued a certificate knows it, and only one with renewal information cares. */
async function replacedBy(
  { predecessor }: IssueSteps,
  client: AcmeClient,
  directory: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (predecessor?.issuer !== directory) return undefined;
  const { renewalInfoUrl } = await client.directory(signal);
  return renewalInfoUrl === undefined ? undefined : predecessor.certId;
}

function plannedFor(
  { predecessor }: IssueSteps,
  directory: string,
  name: CertificateName,
  replaces: string | undefined,
): Planned {
  return { directory, name, purpose: purposeOf(directory, predecessor, replaces !== undefined) };
}

/**
 * What a CA minds about `replaces` costs no attempt: the order is placed again at once without it, and then
 * out of other budgets.
 */
async function place(
  steps: IssueSteps,
  client: AcmeClient,
  directory: string,
  wanted: NewOrder & { readonly names: readonly [CertificateName] },
  signal: AbortSignal,
): Promise<PlacedOrder> {
  const { replaces, ...rest } = wanted;
  const [host] = wanted.names;
  const placed = async (order: NewOrder): Promise<PlacedOrder> => {
    const planned = plannedFor(steps, directory, host, order.replaces);
    const work = () => client.newOrder(order, signal);
    return { order: await steps.budgets.place(planned, work), replaces: order.replaces };
  };
  if (replaces === undefined) return await placed(rest);
  try {
    return await placed(wanted);
  } catch (error) {
    if (!(error instanceof AcmeProblem && REPLACES_REFUSED.has(error.type))) {
      if (mayMindReplacing(error)) steps.replacingFailed();
      throw error;
    }
    steps.log.info("order.not-replacing", { host, replaces, ...failureFacts(error) });
    return await placed(rest);
  }
}

/**
 * `alreadyReplaced` is what RFC 9773 §5 foresees; CAs also say that they do not know the certificate,
 * or that it belongs to the account of before.
 */
const REPLACES_REFUSED: ReadonlySet<string> = new Set(
  ["alreadyReplaced", "malformed", "unauthorized"].map(
    (type) => `urn:ietf:params:acme:error:${type}`,
  ),
);

/** What has another cause for sure: the name, the account, the profile, the CA's limits. */
const OF_SOMETHING_ELSE =
  /:(?:account\w+|badNonce|caa|dns|externalAccountRequired|invalidProfile|onionCAARequired|rateLimited|rejectedIdentifier|unsupportedIdentifier|userActionRequired)$/;

/** A CA with a fault of its own there, or its gateway, answers 500 and gives no such reason. */
function mayMindReplacing(error: unknown): boolean {
  if (rateLimitIn(error) !== undefined) return false;
  if (error instanceof AcmeProblem) return !OF_SOMETHING_ELSE.test(error.type);
  return isNonsense(error);
}

/** A page of HTML, 100 MB: perhaps not the CA's own words. Its order may be well, and costs nothing to ask about. */
function isNonsense(error: unknown): boolean {
  return codeOf(error) === "ACME_PROTOCOL";
}

/** An answer that makes no sense, or a certificate that does not fit or is not wanted any more, may well have been counted. */
function mayHaveIssued(error: unknown): boolean {
  const code = codeOf(error);
  return isNonsense(error) || code === "CERTIFICATE_INVALID" || code === "KEY_REVOKED";
}

/** Did the CA say the last word on this order? A CA in trouble, or its gateway, has not. */
function hasEnded(error: unknown): boolean {
  if (!(error instanceof LatchkeyError)) return false;
  switch (error.code) {
    case "ACME_PROBLEM":
    case "ACME_PROTOCOL": {
      const { status } = error.facts;
      return typeof status !== "number" || (status < 500 && status !== 429);
    }
    case "ACME_CHALLENGE_FAILED":
    case "ACME_CHALLENGE_UNKNOWN":
    case "CERTIFICATE_INVALID":
    case "KEY_REVOKED":
      return true;
    default:
      return false;
  }
}
