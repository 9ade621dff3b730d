/** Listens on every address, and says on standard output which kind of address that is, and what was warned of. */
import { openDoors } from "../../src/process/doors.ts";
import { keptLog } from "../support/stored.ts";

const everywhere = { kind: "tcp", host: undefined, port: 0 } as const;
const log = keptLog();
const doors = openDoors(
  {
    ...{ https: [everywhere], http: [everywhere], publicHttpsPort: 443, proxyProtocol: [] },
    ...{ admin: "", dashboard: undefined },
  },
  log,
);
const reached = [...doors.current.https, ...doors.current.http].map(({ isIpv4Only }) => isIpv4Only);
doors.closeAll();
process.stdout.write(JSON.stringify({ reached, warned: log.events.map(({ event }) => event) }));
