import type { Fields } from "./fields.ts";

/** The values under a name that nothing else looks at, in the order they came. */
export function valuesOf(fields: Fields, lowerName: string): readonly string[] {
  const values: string[] = [];
  for (let index = 0; index < fields.count; index += 1) {
    if (fields.names[index] !== "other") continue;
    if (fields.nameText(index).toLowerCase() === lowerName) values.push(fields.value(index));
  }
  return values;
}

/** All values under a name, joined as a list (RFC 9110 §5.3); `undefined`: there is none. */
export function listOf(fields: Fields, lowerName: string): string | undefined {
  const values = valuesOf(fields, lowerName);
  return values.length === 0 ? undefined : values.join(", ");
}
