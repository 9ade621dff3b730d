/** What is known of one type of problem. */
export interface ProblemType {
  /** Will asking again help before a person has changed something? */
  readonly needsPerson: boolean;
  /** What a person can do, in one sentence. */
  readonly hint: string;
}

/** The types of RFC 8555 §6.7, RFC 9773 §7.4 and RFC 8739 and of the profiles draft, without their prefix. */
export const PROBLEM_TYPES: Readonly<Record<string, ProblemType>> = {
  accountDoesNotExist: later(
    "The CA has forgotten this account; a new one is made at the next attempt",
  ),
  alreadyReplaced: later("The certificate has a successor already; the next attempt orders anew"),
  alreadyRevoked: later("The certificate is revoked already; nothing needs to be done"),
  autoRenewalCanceled: later("The order was ended at the CA; the next attempt places a new one"),
  badCSR: later("Try another acme.keyType; the CA does not take this request as it is"),
  badNonce: later("Several programs may be using this account; the next attempt starts afresh"),
  badPublicKey: person("Set another acme.keyType: the CA does not take keys of this kind or size"),
  badRevocationReason: person("The CA does not allow this reason; revoke without one"),
  badSignatureAlgorithm: person(
    "Move the account key out of storage, so that a new account with an ECDSA key is made",
  ),
  caa: person(
    "Add a CAA record to the domain that names this CA, or remove the one that forbids it",
  ),
  compound: later("The CA found several faults; see each of them"),
  connection: later(
    "Open ports 80 and 443 to the internet (firewall, router), and let every A and AAAA record of the name lead here",
  ),
  dns: later("Give the name an A or AAAA record that leads to this machine"),
  externalAccountRequired: person(
    "Make an account on the CA's website and write the two values it shows as eab: { kid, hmac } of the issuer, or choose another issuer",
  ),
  incorrectResponse: later(
    "Something else answers for this name: let its A and AAAA records lead here, without a CDN or another web server in front",
  ),
  invalidContact: person("Correct the e-mail address under email, or remove it"),
  invalidProfile: person(
    "Correct the profile of the issuer, or remove it: the CA does not offer it",
  ),
  malformed: later("The CA did not understand the request; look for a newer release of Latchkey"),
  onionCAARequired: person("The CA issues for .onion names only with their CAA record"),
  orderNotReady: later("The order was not complete yet; the next attempt goes on with it"),
  rateLimited: later("Wait: the CA says how long; staging environments have higher limits"),
  rejectedIdentifier: person(
    "The CA does not issue for this name: correct it, or use the internal issuer for names that are not public",
  ),
  serverInternal: later("The CA has trouble of its own; the next attempt follows by itself"),
  tls: later(
    "Let port 443 reach Latchkey itself: the validator found another TLS server, or none, behind this name",
  ),
  unauthorized: later(
    "Something else answers for this name: let its A and AAAA records lead here, without a CDN or another web server in front",
  ),
  unsupportedContact: person("Correct the e-mail address under email, or remove it"),
  unsupportedIdentifier: person(
    "The CA does not certify names of this kind: use another issuer for it, or the profile that allows it",
  ),
  userActionRequired: person(
    "The CA wants a person to visit the page it names, usually to agree to new terms",
  ),
};

function later(hint: string): ProblemType {
  return { needsPerson: false, hint };
}

function person(hint: string): ProblemType {
  return { needsPerson: true, hint };
}
