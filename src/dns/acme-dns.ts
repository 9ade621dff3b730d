import { messageOf } from "../base/errors.ts";
import { requestJson } from "./json-request.ts";
import { type DnsProvider, dnsFailure, type TxtRecord } from "./record.ts";

export interface AcmeDnsOptions {
  /** URL of the server's API. */
  readonly server: string;
  /** What it gave out at registration. */
  readonly account: AcmeDnsAccount;
  /** For each request. */
  readonly timeoutMs: number;
}

export interface AcmeDnsAccount {
  readonly username: string;
  /** Never logged. */
  readonly password: string;
  /** Under it lies the one name that the account may change: the alias of `_acme-challenge` leads there. */
  readonly subdomain: string;
}

/**
 * An acme-dns server. It keeps the last two values of an account's name and has no way to take one
 * away: the next two values push it out, and nobody but that name's challenges can use it.
 */
export function createAcmeDns({ server, account, timeoutMs }: AcmeDnsOptions): DnsProvider {
  const { username, password, subdomain } = account;
  const requireAlias = (name: string) => {
    if (name.split(".")[0] === subdomain.toLowerCase()) return;
    const why = `no alias (CNAME) leads from it to ${subdomain} of ${server}`;
    throw dnsFailure(`add the TXT record ${name}`, why);
  };
  return {
    look: async (name) => requireAlias(name),
    publish: async ({ name, value }: TxtRecord, signal) => {
      const action = `add the TXT record ${name}`;
      requireAlias(name);
      try {
        const { status } = await requestJson(
          {
            method: "POST",
            url: new URL(`${server.replace(/\/$/, "")}/update`),
            headers: {
              "x-api-user": username,
              "x-api-key": password,
              "content-type": "application/json",
            },
            body: { subdomain, txt: value },
          },
          timeoutMs,
          signal,
        );
        if (status !== 200) throw new Error(`${server} says ${status}`);
      } catch (error) {
        signal.throwIfAborted();
        throw dnsFailure(action, messageOf(error), error);
      }
    },
    remove: async () => {},
  };
}
