import { compileAll, compiledCodeOf } from "./compiled.ts";

/** Run by the launcher's `--compile`, after an installation: the first start finds everything compiled. */
const code = compiledCodeOf(process.env);
if (code !== undefined) await compileAll(code);
