import assert from "node:assert/strict";
import { test } from "node:test";
import { parseCertificateName } from "../../src/base/certificate-name.ts";
import { LatchkeyError } from "../../src/base/errors.ts";
import { lacksProfile, profileFor } from "../../src/certificate/profile.ts";
import { namedIssuer } from "../../src/config/issuers.ts";
import { keptLog } from "../support/stored.ts";

const offered = { classic: "90 d", shortlived: "160 h" };

/** The host, the profile that is written, those of the CA, and the one that is ordered under. */
const rows: readonly (readonly [string, string | undefined, Record<string, string>, string])[] = [
  ["a.example", undefined, offered, "none"],
  ["a.example", "shortlived", offered, "shortlived"],
  ["a.example", "shortlived", {}, "none, and a warning"],
  ["a.example", "tlsclient", offered, "ACME_PROFILE_UNKNOWN"],
  ["a.example", "toString", offered, "ACME_PROFILE_UNKNOWN"],
  ["203.0.113.7", undefined, offered, "shortlived"],
  ["203.0.113.7", undefined, {}, "none"],
  ["203.0.113.7", undefined, { classic: "90 d" }, "none"],
  ["203.0.113.7", "classic", offered, "classic"],
];

for (const [name, written, profiles, expected] of rows) {
  test(`${name} with profile ${written} at a CA of [${Object.keys(profiles)}] is ordered under ${expected}`, () => {
    const host = parseCertificateName(name) ?? assert.fail();
    const log = keptLog();
    const order = () => {
      try {
        const issuer = { ...namedIssuer("letsencrypt"), profile: written };
        const profile = profileFor({ profiles }, host, issuer, log) ?? "none";
        return log.events.length > 0 ? `${profile}, and a warning` : profile;
      } catch (error) {
        return error instanceof LatchkeyError ? error.code : "thrown";
      }
    };
    assert.equal(order(), expected);
  });
}

const lacking = [
  [undefined, offered, false],
  ["shortlived", offered, false],
  ["shortlived", {}, false],
  ["tlsclient", offered, true],
  ["toString", offered, true],
] as const;

for (const [profile, profiles, expected] of lacking) {
  test(`a CA of [${Object.keys(profiles)}] ${expected ? "lacks" : "does not lack"} the profile ${profile}`, () => {
    const issuer = { ...namedIssuer("letsencrypt"), profile };
    assert.equal(lacksProfile({ profiles }, issuer), expected);
  });
}
