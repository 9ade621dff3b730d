import { readArgument, readProgram } from "./locations.ts";
import { readFraction } from "./quantities.ts";
import { key, mapping, type Output, secret, series, text } from "./schema.ts";

const COMMAND = "a list such as [/usr/local/bin/page, me]";

/** A program and its arguments; no shell reads them. */
export const commandSchema = series(text(readArgument, "text"), COMMAND).check(
  ({ value, issues }) => {
    const program = readProgram(value[0] ?? "");
    if (program.ok || value.length === 0) return;
    issues.push({ code: "custom", path: [0], message: program.why, input: value });
  },
);

export const alertsSchema = mapping(
  {
    webhook: key(
      "URL that each alert is posted to, as JSON; env:NAME, file:PATH, or the URL.",
      secret,
    ),
    exec: key(
      "Program and arguments run for each alert, with its facts in the environment and on standard input.",
      commandSchema,
    ),
    expiresWithin: key(
      "The part of its life that a certificate has left when it is told that it expires; default 25%.",
      text(readFraction, "a percentage such as 25%"),
    ),
  },
  "a mapping such as { webhook: env:ALERT_WEBHOOK }",
);

export type WrittenAlerts = Output<typeof alertsSchema>;
