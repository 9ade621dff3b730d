import type { Fields } from "./fields.ts";

/** The value of the first cookie called `name` (RFC 6265 §5.4); `undefined` when there is none. */
export function cookieNamed(fields: Fields, name: string): string | undefined {
  for (let index = 0; index < fields.count; index += 1) {
    if (fields.names[index] !== "other" || fields.nameText(index).toLowerCase() !== "cookie")
      continue;
    for (const pair of fields.value(index).split(";")) {
      const cookie = pair.trim();
      if (cookie.startsWith(name) && cookie[name.length] === "=")
        return cookie.slice(name.length + 1);
    }
  }
  return undefined;
}
