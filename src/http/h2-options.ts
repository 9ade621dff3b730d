import type { ServerOptions } from "node:http2";
import { limits } from "../config/limits.ts";

/** What nghttp2 holds a client to, and tells it. */
export function sessionOptions(): ServerOptions {
  return {
    maxDeflateDynamicTableSize: limits.h2HeaderTableBytes,
    maxSettings: limits.h2SettingsMax,
    maxSessionMemory: limits.h2SessionMemoryMegabytes,
    maxHeaderListPairs: 2 * limits.headMaxFields, // beyond the half of it the answer is 431, not a reset
    maxOutstandingPings: limits.h2OutstandingMax,
    // Node compares before it counts: it is the second one beyond that ends the session.
    maxSessionInvalidFrames: limits.h2InvalidFramesMax - 1,
    maxSessionRejectedStreams: limits.h2RejectedStreamsMax - 1,
    streamResetBurst: limits.h2ResetBurst,
    streamResetRate: limits.h2ResetsPerSecond,
    strictFieldWhitespaceValidation: false, // with it nghttp2 drops such fields; we refuse the request
    strictSingleValueFields: false, // backends may repeat what they like, as with HTTP/1.1
    settings: {
      headerTableSize: limits.h2HeaderTableBytes,
      maxConcurrentStreams: limits.h2StreamsMax,
      initialWindowSize: limits.h2StreamWindowBytes,
      maxFrameSize: limits.h2FrameMaxBytes,
      maxHeaderListSize: limits.h2HeaderListMaxBytes,
      enableConnectProtocol: true,
    },
  };
}
