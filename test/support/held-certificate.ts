import type { HeldCertificate } from "../../src/certificate/records.ts";

/** A certificate as a name holds it, stored and long over, but for what `changes` say. */
export function heldCertificate(changes: Partial<HeldCertificate> = {}): HeldCertificate {
  return {
    issuer: "x",
    serial: "01",
    certId: undefined,
    issuance: 1,
    notBefore: 0,
    notAfter: 1,
    renewAt: 1,
    followsAdvice: true,
    files: { chain: "", key: "" },
    unsaved: undefined,
    ...changes,
  };
}
