import type { RequestCounts } from "../base/counts.ts";
import type { UriHost } from "../base/uri-host.ts";
import type { Site } from "./admit.ts";
import type { Sender } from "./forwarded.ts";
import type { H2Stream } from "./h2-stream.ts";
import type { HttpAction, Surroundings } from "./surroundings.ts";

/** What a stream needs of its connection. */
export interface StreamHome extends Site {
  readonly host: UriHost;
  readonly action: HttpAction;
  readonly around: Surroundings;
  readonly sender: Sender;
  readonly counts: RequestCounts;
  /** Why we have cut the connection, in words for the log; `undefined`: we have not. */
  readonly whyCut: string | undefined;
  /** Bytes that the client's connection has taken from us. */
  readonly taken: number;
  /** How many of them the answers that wait now are worth, within `writeIdleTimeoutMs`. */
  readonly leastTaken: number;
  /** So many bytes of what the client sends belong to requests. */
  explain(bytes: number): void;
  /** So many bytes of an answer go out. */
  explainAnswer(bytes: number): void;
  /** A stream is closed before its request has ended: so many bytes of that may still come. */
  expectRest(bytes: number): void;
  /** The client took a request back. */
  takenBack(): void;
  /** The client sent something broken. */
  charge(): void;
  /** The last call. */
  streamClosed(stream: H2Stream): void;
}
