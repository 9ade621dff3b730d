import { readFileSync, writeFileSync } from "node:fs";
import { withTable } from "./faults-table.ts";

/** Writes the table of FAULTS.md anew, after tests were named or renamed. */
writeFileSync("FAULTS.md", withTable(readFileSync("FAULTS.md", "utf8")));
