import type { Figures } from "./ledger.ts";

/** Orders beyond those of a world without misfortunes. */
const ORDERS_MAX = 1.05;
/** A mistake in DNS is found mended by a look every 10 minutes, and a minute is for the order. */
const DNS_RECOVERY_MAX_MINUTES = 11;

/** What of a simulated run is not as it has to be; empty when all is. */
export function missesOf(figures: Figures): string[] {
  const { orders, idealOrders, alertFaults, longestDnsRecovery } = figures;
  const { unexcusedMinutes, lostCertificates, alertsBegun, alertsRecovered, episodes } = figures;
  const ordersMax = ORDERS_MAX * idealOrders;
  const misses: readonly (readonly [isMissed: boolean, what: string])[] = [
    [
      unexcusedMinutes > 0,
      `${unexcusedMinutes} host-minutes expired although a certificate could have been had`,
    ],
    [lostCertificates > 0, `${lostCertificates} certificates lost`],
    [orders > ordersMax, `${orders} orders, more than ${ORDERS_MAX} of the ideal ${idealOrders}`],
    [alertFaults.length > 0, `${alertFaults.length} alerts wrong, late, missing or told twice`],
    [
      longestDnsRecovery > DNS_RECOVERY_MAX_MINUTES,
      `${longestDnsRecovery} min to recover from a mistake in DNS, more than ${DNS_RECOVERY_MAX_MINUTES}`,
    ],
    [episodes === 0, "nothing failed: no misfortune came, and nothing is shown"],
    [
      episodes > 0 && (alertsBegun === 0 || alertsRecovered === 0),
      "nobody was told that something began, or was over",
    ],
  ];
  return misses.filter(([isMissed]) => isMissed).map(([, what]) => what);
}
