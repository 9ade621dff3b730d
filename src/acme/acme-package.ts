/** An answer as the package hands it around: `data` is the JSON value, or the text. */
export interface PackageAnswer {
  /** What was asked. */
  readonly url: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly data: unknown;
}

/** What `acme-client` has and its types leave out. */
declare module "acme-client" {
  interface Client {
    /** Its requests by name, each refusing statuses that RFC 8555 does not foresee. */
    readonly api: {
      createAccount(payload: object): Promise<PackageAnswer>;
      createOrder(payload: object): Promise<PackageAnswer>;
      getOrder(url: string): Promise<PackageAnswer>;
      getAuthorization(url: string): Promise<PackageAnswer>;
      completeChallenge(url: string, payload: object): Promise<PackageAnswer>;
      finalizeOrder(url: string, payload: object): Promise<PackageAnswer>;
      apiRequest(
        url: string,
        payload: object | undefined,
        statuses: readonly number[],
      ): Promise<PackageAnswer>;
    };
    /** How it signs and sends; the members here are replaced. */
    readonly http: {
      maxBadNonceRetries: number;
      getDirectory: () => Promise<object>;
      getNonce: () => Promise<string>;
      request: (
        url: string,
        method: string,
        options: { readonly data: object },
      ) => Promise<PackageAnswer>;
      /** A flattened JWS by the key of this client; with its public key, unless it is told the account. */
      createSignedBody(url: string, payload: object): object;
    };
  }
}
