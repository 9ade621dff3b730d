import { limits } from "../config/limits.ts";

/** RFC 9113 §4.1; an acknowledgement of SETTINGS is no more than that. */
export const FRAME_HEAD_BYTES = 9;
/** RFC 9113 §6.4. */
export const RESET_BYTES = FRAME_HEAD_BYTES + 4;
/** RFC 9113 §6.7. */
export const PING_BYTES = FRAME_HEAD_BYTES + 8;
/** It wants an answer, too. */
export const PING_CHARGE_BYTES = limits.h2PingCostBytes - PING_BYTES;
/** A WINDOW_UPDATE for the stream, and one for the connection. */
export const UPDATES_BYTES = 26;
/** What a client says before its first request: the preface, SETTINGS and a WINDOW_UPDATE (RFC 9113 §3.4). */
export const GREETING_BYTES = 24 + FRAME_HEAD_BYTES + 6 * limits.h2SettingsMax + 13;
