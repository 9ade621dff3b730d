/** A piece of HTML: what it was made of is escaped already. */
export class Html {
  readonly text: string;

  /** @param text HTML, by whoever knows that it is; everything else goes through {@link html}. */
  constructor(text: string) {
    this.text = text;
  }
}

/** What may stand between the pieces of a template. */
export type Part = Html | string | number | readonly Html[];

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what HTML does not know
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** HTML with values in it: text is escaped, for content and for attributes in quotes; HTML stays as it is. */
export function html(pieces: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(
    pieces
      .map((piece, index) => piece + (index < parts.length ? textOf(parts[index]) : ""))
      .join(""),
  );
}

/** Nothing. */
export const NONE = new Html("");

function textOf(part: Part = ""): string {
  if (part instanceof Html) return part.text;
  if (typeof part === "object") return part.map(({ text }) => text).join("");
  return String(part)
    .replace(CONTROL, "\ufffd")
    .replace(/[&<>"']/g, (character) => ESCAPES[character] ?? "");
}
