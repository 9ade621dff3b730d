/** Who puts records into DNS, and into which zones. */
export interface DnsEntry {
  /** Names at or below which it is the one; empty: wherever no other entry is. */
  readonly zones: readonly string[];
  /** The name servers that must show a record, as `address:port`; empty: all of its zone's. */
  readonly authoritative: readonly string[];
  readonly provider: DnsProvider;
}

/** How records get into DNS. Secrets in it are never logged. */
export type DnsProvider =
  | { readonly kind: "cloudflare"; readonly token: string; readonly endpoint: string }
  | {
      readonly kind: "rfc2136";
      /** Of the primary, `address:port`. */
      readonly server: string;
      readonly keyName: string;
      readonly algorithm: TsigAlgorithm;
      /** Base64. */
      readonly secret: string;
    }
  | {
      readonly kind: "acme-dns";
      /** URL of its API. */
      readonly server: string;
      /** By the host that is proven. */
      readonly accounts: Readonly<Record<string, AcmeDnsAccount>>;
    }
  | {
      readonly kind: "exec";
      /** The program (absolute) and its first arguments. */
      readonly command: readonly string[];
      readonly environment: Readonly<Record<string, string>>;
      readonly timeoutMs: number;
    };

type TsigAlgorithm = "hmac-sha256" | "hmac-sha384" | "hmac-sha512";

interface AcmeDnsAccount {
  readonly username: string;
  readonly password: string;
  readonly subdomain: string;
}
