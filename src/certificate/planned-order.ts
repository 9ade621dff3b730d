import type { CertificateName } from "../base/certificate-name.ts";
import { unreachable } from "../base/errors.ts";
import type { BudgetKind } from "../storage/budgets.ts";
import { registeredDomainOf } from "./registered-domain.ts";

/** An order that is to be placed, as far as a CA's limits go. */
export interface Planned {
  /** URL of the CA's directory. */
  readonly directory: string;
  readonly name: CertificateName;
  /**
   * `renewal`: the certificate in use is of this CA, for the same names. `advised`: and the order says which
   * one it replaces (RFC 9773 §5), which exempts it from every limit of Let's Encrypt.
   */
  readonly purpose: "new" | "renewal" | "advised";
}

/** One budget of one CA. */
export interface Subject {
  readonly directory: string;
  readonly kind: BudgetKind;
  /** The domain or name it is about; empty for what counts for all. */
  readonly subject: string;
}

/** The budgets that an order has to do with. */
export interface Subjects {
  /** One of each is spent by it. */
  readonly spent: readonly Subject[];
  /** Not spent, but no order is placed while the CA has closed one of these. */
  readonly kept: readonly Subject[];
  /** Spent when it fails. */
  readonly failures: Subject;
}

/**
 * What an order is to a CA that issued the certificate in use, or did not.
 *
 * @param isReplacing Does the order name that certificate?
 */
export function purposeOf(
  directory: string,
  certificate: { readonly issuer: string } | undefined,
  isReplacing: boolean,
): Planned["purpose"] {
  if (certificate?.issuer !== directory) return "new";
  return isReplacing ? "advised" : "renewal";
}

/** Which budgets an order spends, and which must be open for it. */
export function subjectsOf({ directory, name, purpose }: Planned): Subjects {
  const of = (kind: BudgetKind, subject = ""): Subject => ({ directory, kind, subject });
  const failures = of("failures", name);
  const always = [failures, of("everything")];
  const names = of("names", name);
  switch (purpose) {
    case "new": {
      const spent = [of("orders"), of("domain", registeredDomainOf(name)), names];
      return { spent, kept: always, failures };
    }
    case "renewal":
      return { spent: [of("renewals"), names], kept: always, failures };
    case "advised":
      return { spent: [], kept: [of("renewals"), names, ...always], failures };
    default:
      return unreachable(purpose);
  }
}

/** What a budget counts, in the plural. */
export function inWords({ kind, subject }: Subject): string {
  switch (kind) {
    case "accounts":
      return "new accounts";
    case "orders":
      return "new orders";
    case "renewals":
      return "renewals";
    case "domain":
      return `new certificates under ${subject}`;
    case "names":
      return `certificates for ${subject}`;
    case "failures":
      return `failed authorizations of ${subject}`;
    case "on-demand":
      return `new names on demand under ${subject}`;
    case "windows":
      return "questions about renewal windows";
    default:
      return "requests";
  }
}
