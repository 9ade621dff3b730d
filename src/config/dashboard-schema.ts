import { readDashboardAddress, readDashboardText } from "./dashboard.ts";
import { anyOf, key, mapping, type Output, off, secret, text } from "./schema.ts";

const DASHBOARD = "off, or an address such as 127.0.0.1:9180";

/** `listen.dashboard`: off, an address, or an address with a token. */
export const dashboardSchema = anyOf(
  [
    off(DASHBOARD)[0].transform(() => undefined),
    text(readDashboardText, DASHBOARD),
    mapping(
      {
        listen: text(readDashboardAddress, "an address such as 127.0.0.1:9180").meta({
          description: "Its address; one that other machines reach needs `token`.",
        }),
        token: key(
          "Whoever knows it may see the page: the password that browsers ask for, with any name; env:NAME, file:PATH, or the value.",
          secret,
        ),
      },
      "a mapping such as { listen: 127.0.0.1:9180, token: env:DASHBOARD_TOKEN }",
    ),
  ],
  DASHBOARD,
);

export type WrittenDashboard = Output<typeof dashboardSchema>;
