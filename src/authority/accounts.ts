import type { AcmeAnswer } from "../acme/transport.ts";
import type { AccountKey } from "./account-key.ts";
import type { SignedRequest } from "./authenticate.ts";
import type { Fields } from "./fields.ts";
import { Refusal } from "./refusal.ts";
import { replyJson } from "./reply.ts";
import { urlOf } from "./resources.ts";

/** Keys that are known to have asked before; only the difference between 201 and 200 hangs on it. */
const GREETED_MAX = 1_000;

/**
 * Accounts (RFC 8555 §7.3). Every key has one, see {@link AccountKey}: so `onlyReturnExisting` always
 * finds it, contacts are checked but not kept, and an account cannot be closed.
 */
export class Accounts {
  readonly #greeted = new Set<string>();

  /** newAccount: 201 to a key that was not here since the start, else 200. */
  open({ account, fields }: SignedRequest): AcmeAnswer {
    if (fields === undefined) throw new Refusal("malformed", "newAccount needs an object");
    const answered = accountObject(fields);
    const isNew = fields["onlyReturnExisting"] !== true && !this.#greeted.has(account.thumbprint);
    this.#greet(account.thumbprint);
    return replyJson(isNew ? 201 : 200, answered, { location: accountUrl(account) });
  }

  /**
   * Reading or updating an account (§7.3.2).
   * @throws {Refusal} `unauthorized` when it is another one than that of the signer.
   */
  update({ account, fields }: SignedRequest, segment: string): AcmeAnswer {
    if (account.segment !== segment) throw new Refusal("unauthorized", "It is another account");
    const status = fields?.["status"];
    if (status !== undefined && status !== "valid") {
      throw new Refusal(
        "malformed",
        "An account of this authority is its key and cannot be closed",
      );
    }
    return replyJson(200, accountObject(fields ?? {}), { location: accountUrl(account) });
  }

  #greet(thumbprint: string): void {
    const [oldest] = this.#greeted.size >= GREETED_MAX ? this.#greeted : [];
    if (oldest !== undefined) this.#greeted.delete(oldest);
    this.#greeted.add(thumbprint);
  }
}

function accountObject({ contact = [] }: Fields): Fields {
  if (!Array.isArray(contact) || !contact.every((one: unknown) => typeof one === "string")) {
    throw new Refusal("invalidContact", `"contact" is not a list of URLs`);
  }
  return { status: "valid", contact, termsOfServiceAgreed: true };
}

function accountUrl({ segment }: AccountKey): string {
  return urlOf({ kind: "account", key: segment });
}
