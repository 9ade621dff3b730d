import { createHash } from "node:crypto";
import type { Config, Host } from "../config/config.ts";

/**
 * A digest of everything in the configuration that an order of a host depends on: while it stays the same,
 * what a CA refuses for good it refuses again.
 */
export function configurationOf({ email, acme }: Config, host: Host | undefined): string {
  const { challenges, keyType } = acme;
  const said = JSON.stringify({ email, challenges, keyType, certificate: host?.certificate });
  return createHash("sha256").update(said).digest("base64url").slice(0, 16);
}
