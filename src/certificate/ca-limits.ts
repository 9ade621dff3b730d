import type { Rate } from "../base/token-bucket.ts";
import { nameOf } from "../config/issuers.ts";
import { limits } from "../config/limits.ts";
import type { BudgetKind } from "../storage/budgets.ts";

/** What one CA allows, and how soon after one another attempts may come there. */
export interface CaLimits {
  /** A kind that is missing is not limited. */
  readonly rates: Readonly<Partial<Record<BudgetKind, Rate>>>;
  /** Milliseconds between the starts of two attempts. */
  readonly paceMs: number;
}

type Rates = CaLimits["rates"];

/** Of every CA but ourselves. */
const COMMON: Rates = {
  accounts: limits.budgetAccounts,
  "on-demand": limits.onDemandPerDomain,
};

const PUBLIC: Rates = {
  ...COMMON,
  orders: limits.budgetOrders,
  renewals: limits.budgetRenewals,
  domain: limits.budgetDomain,
  names: limits.budgetNames,
  failures: limits.budgetFailures,
};

const STAGING: Rates = {
  ...COMMON,
  orders: limits.budgetStagingOrders,
  renewals: limits.budgetStagingOrders,
  failures: limits.budgetStagingFailures,
};

/** Ourselves: nobody's budget is spent, and a hundred names of a demonstration need not wait. */
const INTERNAL: CaLimits = { rates: {}, paceMs: 0 };

/**
 * The limits of the CA with this directory. Public ones that publish no numbers are taken to allow as
 * much as Let's Encrypt; a CA that is named by nothing but its directory may be a private one, and is
 * only not rushed.
 *
 * @param internal URL of our own authority's directory.
 */
export function caLimitsOf(directory: string, internal: string): CaLimits {
  if (directory === internal) return INTERNAL;
  const name = nameOf({ kind: "acme", directory });
  const paceMs = limits.orderPaceMs;
  if (name === "letsencrypt-staging") return { rates: STAGING, paceMs };
  return { rates: name === directory ? COMMON : PUBLIC, paceMs };
}
