import type { Fault } from "../config/faults.ts";
import { advice, type Finding, listed } from "./finding.ts";

/** Variables that the configuration names and this command has not: nobody can tell whether the service has them. */
export function findingsOfUnset(unset: readonly Fault[]): readonly Finding[] {
  const variables = new Map<string, string[]>();
  for (const { variable, path } of unset) {
    if (variable === undefined) continue;
    const places = variables.get(variable);
    if (places === undefined) variables.set(variable, [path]);
    else places.push(path);
  }
  return [...variables].map(([variable, places]) => {
    const saw = `not looked at: ${listed(places)}, since ${variable} is not set in the environment of this command`;
    return advice("config.unset", saw, REMEDY);
  });
}

const REMEDY =
  "Nothing, if the service has it, from its EnvironmentFile for example: without it, it would not have started. All else was looked at";
