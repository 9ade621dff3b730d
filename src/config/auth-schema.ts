import { readAuthService, readCopiedHeader, readRealm, readUser } from "./auth-values.ts";
import { limits } from "./limits.ts";
import {
  anyOf,
  duration,
  key,
  mapping,
  type Output,
  onOff,
  secret,
  someOf,
  table,
  text,
} from "./schema.ts";

const AUTH = 'a mapping such as { basic: { ops: "$scrypt$…" } }, or off';

/** `auth` of a host or path, in one of its two forms, or off. */
export const authSchema = anyOf(
  [
    onOff,
    mapping(
      {
        basic: key(
          "Who may in by password: names, each with what `latchkey hash-password` prints; env:NAME or file:PATH too.",
          table(text(readUser, "a user name"), secret, 'a mapping such as { ops: "$scrypt$…" }'),
        ),
        realm: key(
          "What browsers call it when they ask for the password; default restricted.",
          text(readRealm, "a word such as staff"),
        ),
        keepAuthorization: key("Does the backend get the Authorization field? Default off.", onOff),
        forward: key(
          "URL of a service that is asked by GET: 2xx lets the request pass, any other answer goes to the client.",
          text(readAuthService, "a URL such as http://127.0.0.1:9091/verify"),
        ),
        copyHeaders: key(
          "Fields of its 2xx that go on to the backend; what clients send under these names is removed. Set-Cookie goes to the client.",
          someOf(text(readCopiedHeader, "the name of a header"), "a list such as [Remote-User]"),
        ),
        timeout: key(
          "For its whole answer; default 10s.",
          duration(limits.timeoutMinMs, limits.timeoutMaxMs, "10s"),
        ),
      },
      AUTH,
    ),
  ],
  AUTH,
);

export type WrittenAuth = Output<typeof authSchema>;
