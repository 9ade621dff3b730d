/** What holds for the requests of a host or path, whatever is done with them. What is undefined does not hold. */
export interface Rules {
  /** The only clients that are served, as CIDRs. */
  readonly allow?: readonly string[] | undefined;
  /** Clients that are not, even if `allow` has them. */
  readonly deny?: readonly string[] | undefined;
  readonly maintenance?: Maintenance | undefined;
  readonly rateLimit?: RateLimit | undefined;
  /** Of what goes to the backend. */
  readonly request?: HeaderRules | undefined;
  /** Of every answer, ours too. */
  readonly response?: HeaderRules | undefined;
  /** Of our own answers, by status (`502`) or class (`5xx`). */
  readonly pages?: Readonly<Record<string, Page>> | undefined;
}

/** Nobody is served but `allow`. */
export interface Maintenance {
  /** Absolute path of a file: only while there is one. Undefined: always. */
  readonly marker: string | undefined;
  readonly page: Page | undefined;
  /** CIDRs. */
  readonly allow: readonly string[];
  readonly retryAfterMs: number;
}

/** Of each client: `burst` at once, then `requests` in every `perMs`. */
export interface RateLimit {
  readonly requests: number;
  readonly perMs: number;
  readonly burst: number;
  /** Stands for where it was written (of fixed length): what inherits it counts together. */
  readonly scope: string;
}

/** The body of an answer, read from a file. */
export interface Page {
  /** Value of Content-Type. */
  readonly type: string;
  readonly body: string;
}

/** Which requests of a host an entry of `paths` takes, and what holds for them. */
export interface Entrance {
  /** Starts with `/` and is spelt as `readUriPath` spells it. Matches by whole prefix (`/v2/` matches `/v2/x`, not `/v2`). */
  readonly prefix: string;
  /** What else a request must be; undefined: nothing. */
  readonly match?: Match | undefined;
  /** Is the prefix taken off (but for its last `/`) before forwarding? */
  readonly stripPrefix: boolean;
  /** What stands in its place instead; undefined: itself. */
  readonly replacePrefix?: string | undefined;
  readonly rules?: Rules | undefined;
}

export type HeaderLine = readonly [name: string, value: string];

/** How fields are changed on their way. */
export interface HeaderRules {
  /** In lower case: what was sent under these names does not go on. */
  readonly removed: readonly string[];
  readonly added: readonly HeaderLine[];
  /** Added where nothing stands under the name. */
  readonly defaults: readonly HeaderLine[];
}

/** What a request must be besides under a prefix: all of it. */
export interface Match {
  /** One of these; undefined: any. GET stands for HEAD too. */
  readonly methods?: readonly string[] | undefined;
  readonly headers?: readonly HeaderMatch[] | undefined;
}

export interface HeaderMatch {
  /** In lower case. */
  readonly name: string;
  /** The whole value, or how it begins; beginning with nothing: any that is there. */
  readonly value: string;
  readonly isPrefix: boolean;
}
