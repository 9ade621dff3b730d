/** What one look over HTTP found, as a CA looks for an http-01 answer. */
export type HttpSight =
  /** Our own words came back. */
  | { readonly kind: "ours"; readonly cdn: string | undefined; readonly redirects: number }
  /** Somebody else's did. */
  | {
      readonly kind: "other";
      readonly url: string;
      readonly status: number;
      /** Its `Server` field. */
      readonly server: string | undefined;
      readonly cdn: string | undefined;
    }
  /** It leads on in a circle, or for longer than a CA follows. */
  | { readonly kind: "loop"; readonly url: string; readonly cdn: string | undefined }
  /** It leads to where nobody answers. */
  | {
      readonly kind: "led-nowhere";
      readonly url: string;
      readonly code: string;
      readonly cdn: string | undefined;
    }
  /** It leads where a CA does not follow. */
  | { readonly kind: "led-away"; readonly url: string; readonly cdn: string | undefined }
  | Closed;

/** What one look over TLS found, as a CA looks for a tls-alpn-01 answer, and as a client does. */
export type TlsSight =
  /** The very certificate that this program shows. */
  | { readonly kind: "ours" }
  /** Ours to clients, but `acme-tls/1` does not get here. */
  | { readonly kind: "clients-only" }
  /** Another certificate. */
  | { readonly kind: "other"; readonly subject: string; readonly issuer: string }
  /** A TLS server that shows no certificate for this name. */
  | { readonly kind: "refused"; readonly code: string }
  | Closed;

/** Nobody answered. */
export interface Closed {
  readonly kind: "closed";
  /** `ECONNREFUSED`, `ETIMEDOUT` … */
  readonly code: string;
}

/** What one address of a name showed; `undefined`: there was no reason to look. */
export interface DoorSight {
  readonly address: string;
  readonly http: HttpSight | undefined;
  readonly tls: TlsSight | undefined;
}
