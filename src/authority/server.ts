import type { AcmeAnswer, AcmeRequest } from "../acme/transport.ts";
import { unreachable } from "../base/errors.ts";
import { failureFacts, type Log } from "../base/log.ts";
import { Accounts } from "./accounts.ts";
import { authenticate, type SignedRequest } from "./authenticate.ts";
import { type FinalizeParts, finalize } from "./finalize.ts";
import { Nonces } from "./nonces.ts";
import { Ordering, type OrderingParts } from "./ordering.ts";
import { Refusal } from "./refusal.ts";
import { replyChain, replyEmpty, replyJson, replyProblem, seal } from "./reply.ts";
import { type Resource, resourceOf, urlOf } from "./resources.ts";

/** What the server works with. */
export interface ServerParts extends OrderingParts, FinalizeParts {
  readonly log: Log;
}

/** The ACME server without a network: one request in, one answer out (RFC 8555, RFC 9773). */
export class Server {
  readonly #parts: ServerParts;
  readonly #nonces = new Nonces();
  readonly #accounts = new Accounts();
  readonly #ordering: Ordering;

  constructor(parts: ServerParts) {
    this.#parts = parts;
    this.#ordering = new Ordering(parts);
  }

  /** Answers whatever comes, with a problem document where it has to. Never rejects. */
  async answer(request: AcmeRequest): Promise<AcmeAnswer> {
    return seal(await this.#attempt(request), this.#nonces.make());
  }

  async #attempt(request: AcmeRequest): Promise<AcmeAnswer> {
    try {
      const resource = resourceOf(request.url);
      if (resource === undefined) {
        throw new Refusal("malformed", "No such resource", { status: 404 });
      }
      return await this.#route(request, resource);
    } catch (thrown) {
      if (thrown instanceof Refusal) return replyProblem(thrown);
      this.#parts.log.error("authority.failed", failureFacts(thrown));
      return replyProblem(new Refusal("serverInternal", "The authority failed; see its log"));
    }
  }

  async #route(request: AcmeRequest, resource: Resource): Promise<AcmeAnswer> {
    switch (resource.kind) {
      case "directory":
        checkRead(request);
        return replyJson(200, directory());
      case "new-nonce":
        checkRead(request);
        return replyEmpty(request.method === "HEAD" ? 200 : 204, { "cache-control": "no-store" });
      case "renewal-info":
        checkRead(request);
        return this.#adviseRenewal(resource.certId);
      case "new-account":
        return this.#accounts.open(this.#signed(request, "jwk"));
      case "account":
        return this.#accounts.update(this.#signed(request), resource.key);
      case "new-order":
        return this.#ordering.place(this.#signed(request));
      case "order":
        return this.#ordering.readOrder(this.#reading(request), resource.order);
      case "authorization":
        return this.#ordering.readAuthorization(this.#reading(request), resource);
      case "challenge":
        return this.#ordering.answerChallenge(this.#signed(request), resource, resource.type);
      case "finalize":
        return this.#finalize(this.#signed(request), resource.order);
      case "certificate":
        return this.#download(this.#reading(request), resource.order);
      default:
        return unreachable(resource);
    }
  }

  #signed(request: AcmeRequest, expects: "jwk" | "kid" = "kid"): SignedRequest {
    return authenticate(request, expects, this.#nonces);
  }

  /** POST-as-GET (RFC 8555 §6.3): what such a resource is cannot be changed by its client. */
  #reading(request: AcmeRequest): SignedRequest {
    const signed = this.#signed(request);
    if (signed.fields === undefined) return signed;
    throw new Refusal("malformed", "This resource can be read, not changed");
  }

  #adviseRenewal(certId: string): AcmeAnswer {
    const { suggestedWindow, retryAfterS } = this.#parts.renewalInfo.advise(certId);
    return replyJson(200, { suggestedWindow }, { "retry-after": String(retryAfterS) });
  }

  async #finalize(request: SignedRequest, id: string): Promise<AcmeAnswer> {
    const order = this.#parts.orders.find(id, request.account.thumbprint);
    await finalize(order, request, this.#parts);
    return this.#ordering.showOrder(order, 200);
  }

  #download({ account }: SignedRequest, id: string): AcmeAnswer {
    const { issuance } = this.#parts.orders.find(id, account.thumbprint);
    if (issuance.kind === "done") return replyChain(issuance.chain);
    throw new Refusal("malformed", "No such certificate", { status: 404 });
  }
}

/** The directory object (RFC 8555 §7.1.1). No terms, no revocation: certificates here live for days. */
function directory() {
  return {
    newNonce: urlOf({ kind: "new-nonce" }),
    newAccount: urlOf({ kind: "new-account" }),
    newOrder: urlOf({ kind: "new-order" }),
    // RFC 9773 §4.1: the CertID is put behind it with a slash.
    renewalInfo: urlOf({ kind: "renewal-info", certId: "" }).replace(/\/$/, ""),
    meta: { externalAccountRequired: false },
  };
}

function checkRead({ method }: AcmeRequest): void {
  if (method === "POST") {
    const extras = { status: 405, headers: { allow: "GET, HEAD" } };
    throw new Refusal("malformed", "This resource takes no POST", extras);
  }
}
