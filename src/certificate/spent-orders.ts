import { LatchkeyError } from "../base/errors.ts";
import { failureFacts, type Log } from "../base/log.ts";
import type { Storage } from "../storage/storage.ts";

/**
 * Forgets the orders whose certificate is stored (the program ended between the two), or whose key was revoked. Gone on with at
 * the next renewal, such an order would only bring the certificate of before once more. What storage
 * does not let go of now is told in the log, and stays until the next start.
 */
export async function forgetSpentOrders(
  { orders, certificates, revokedKeys }: Pick<Storage, "orders" | "certificates" | "revokedKeys">,
  log: Log,
): Promise<void> {
  try {
    for (const host of await orders.list()) {
      const order = await orders.load(host);
      const stored = await certificates.load(host);
      // A key without an order was written by halves, and nothing came of it.
      const isSpent = order === undefined || order.key === stored?.credential.key;
      if (isSpent || revokedKeys.find(order.key) !== undefined) await orders.remove(host);
    }
  } catch (error) {
    if (!(error instanceof LatchkeyError)) throw error;
    log.warn("storage.failed", failureFacts(error));
  }
}
