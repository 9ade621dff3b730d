import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { fileJsonSchema } from "./file-schema.ts";

/** Where editors find the JSON Schema: beside the files that name it. */
const TARGET = new URL("../../config/schema.json", import.meta.url);

writeFileSync(TARGET, `${JSON.stringify(fileJsonSchema(), undefined, 2)}\n`);
process.stdout.write(`Wrote ${fileURLToPath(TARGET)}\n`);
