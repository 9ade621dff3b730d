import type { Config, Issuer } from "./config.ts";
import type { Path } from "./faults.ts";
import { limits } from "./limits.ts";
import { type Reading, read, wrong } from "./reading.ts";
import type { Desk } from "./surroundings.ts";

/** Where a secret of the file is: its value is read by {@link readSecretAt}, and stands in no fault. */
export type WrittenSecret =
  | { readonly kind: "environment"; readonly name: string }
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "literal"; readonly value: string };

/** IEEE 1003.1 §8.1, and lower case, which is in use too. */
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** `env:NAME`, `file:PATH`, or the secret itself. */
export function readSecret(text: string): Reading<WrittenSecret> {
  const [, scheme, rest = ""] = /^(env|file):(.*)$/s.exec(text) ?? [];
  if (scheme === "env") {
    return VARIABLE.test(rest)
      ? read({ kind: "environment", name: rest })
      : wrong("names no variable of the environment, wanted env:NAME");
  }
  if (scheme === "file") {
    return rest !== "" && !rest.includes("\0")
      ? read({ kind: "file", path: rest })
      : wrong("names no file, wanted file:PATH");
  }
  return text === "" ? wrong(`is empty, ${WANTED}`) : read({ kind: "literal", value: text });
}

const WANTED = "wanted env:NAME, file:PATH, or the secret itself";

/**
 * The value of the secret at a path, at load time: of a variable, or of a file without the line end that editors put
 * behind it. Empty after a fault was reported, and where a file is only read to find its program (`environment` undefined).
 */
export function readSecretAt(written: WrittenSecret, path: Path, desk: Desk): string {
  if (written.kind === "literal") return written.value;
  if (desk.environment === undefined) return "";
  if (written.kind === "environment") {
    const value = desk.environment[written.name] ?? "";
    if (value === "") desk.reportUnset(path, written.name);
    return value;
  }
  const secret = readSecretFile(desk, written.path);
  if (secret.ok) return secret.value;
  desk.report(path, secret.why);
  return "";
}

function readSecretFile(desk: Desk, path: string): Reading<string> {
  const text = desk.files.read(desk.resolve(path));
  if (!text.ok) return text;
  const value = text.value.replace(/\r?\n$/, "");
  if (value === "") return wrong("names a file with nothing in it, wanted one with the secret");
  return value.length <= limits.secretMaxCharacters
    ? read(value)
    : wrong("names a file that is too large for a secret");
}

/**
 * The same configuration for a process that strangers talk to, which has no use for any secret, nor for a URL that
 * may hold one.
 */
export function withoutSecrets(config: Config): Config {
  const bare = (issuer: Issuer): Issuer =>
    issuer.kind === "acme" ? { ...issuer, eab: undefined } : issuer;
  return {
    ...config,
    listen: { ...config.listen, dashboard: undefined },
    acme: { ...config.acme, issuers: config.acme.issuers.map(bare), dns: [] },
    alerts: { ...config.alerts, webhook: undefined, exec: undefined },
    hosts: config.hosts.map((host) => {
      const { certificate } = host;
      if (certificate.kind !== "acme") return { ...host, onCertificate: undefined };
      const issuers = certificate.issuers.map(bare);
      const onDemand = certificate.onDemand && { ...certificate.onDemand, ask: undefined };
      return {
        ...host,
        onCertificate: undefined,
        certificate: { ...certificate, issuers, onDemand, dns: undefined },
      };
    }),
  };
}
