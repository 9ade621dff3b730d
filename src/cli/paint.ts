import { styleText } from "node:util";

/** Text for people, coloured where standard output is a terminal that wants colours (`NO_COLOR`, `FORCE_COLOR`). */
export function paint(style: Parameters<typeof styleText>[0], text: string): string {
  return styleText(style, text, { stream: process.stdout });
}
