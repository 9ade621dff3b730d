import { issuerNames, namedIssuer, readDirectory, readIssuerName } from "./issuers.ts";
import { readAskUrl } from "./locations.ts";
import { readAllowed, readChainName, readProfile } from "./names.ts";
import { anyOf, key, mapping, type Output, path, secret, someOf, text } from "./schema.ts";

const ISSUER = "letsencrypt, letsencrypt-staging, internal, or a mapping with `directory`";
/** Who certifies: a name that we know, or a CA by its directory. */
export const issuerSchema = anyOf(
  [
    text(readIssuerName, ISSUER)
      .meta({ enum: [...issuerNames] })
      .transform(namedIssuer),
    mapping(
      {
        directory: text(readDirectory, "the URL of an ACME directory, or a name such as zerossl"),
        trust: key("PEM file with an extra root for the directory's own TLS.", path),
        profile: key("One that the directory offers.", text(readProfile, "the name of a profile")),
        eab: key(
          "What ties the account to one of the CA's website: the two values it shows there.",
          mapping(
            { kid: secret, hmac: secret },
            "a mapping such as { kid: env:KID, hmac: env:HMAC }",
          ),
        ),
        preferredChain: key(
          "The chain whose topmost certificate is issued by this common name, if the CA offers it.",
          text(readChainName, "a common name such as ISRG Root X1"),
        ),
      },
      ISSUER,
    ).transform(({ directory, trust, eab, profile, preferredChain }) => {
      return { kind: "acme" as const, directory, trust, eab, profile, preferredChain };
    }),
  ],
  ISSUER,
);

/** Who may have a certificate because a visitor asks for it. */
export const onDemandSchema = mapping(
  {
    ask: key(
      "GET ?domain=NAME: 200 allows, anything else refuses.",
      text(readAskUrl, "a URL such as http://127.0.0.1:3000/allowed"),
    ),
    allow: key(
      "Exact names; wildcards with the internal issuer only.",
      someOf(text(readAllowed, "a host name"), "a list such as [a.shop.example]"),
    ),
  },
  "a mapping with `ask` or `allow`",
).refine(({ ask, allow }) => ask !== undefined || allow !== undefined, {
  error: "is empty, wanted `ask` or `allow`",
});

/** An issuer as written. */
export type WrittenIssuer = Output<typeof issuerSchema>;
/** `onDemand` as written. */
export type WrittenOnDemand = Output<typeof onDemandSchema>;
