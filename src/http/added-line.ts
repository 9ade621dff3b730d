import { type ResponseHead, readResponseHead } from "./head.ts";

/** The same head with one field more; as it was, if that would be a field too many. */
export function withLine(head: ResponseHead, line: string): ResponseHead {
  const { fields, minor, status, reason } = head;
  const lines = fields.text.slice(fields.lineStart(0), fields.end);
  const text = `HTTP/1.${minor} ${status} ${reason}\r\n${line}${lines}\r\n`;
  const bytes = Buffer.from(text, "latin1");
  const read = readResponseHead(bytes, 0, bytes.length);
  return read.kind === "head" ? read : head;
}
