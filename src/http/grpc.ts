import type { Fields } from "./fields.ts";

/** Do the fields say that the body is a stream of messages, as long as the client likes (gRPC over HTTP/2, "Requests")? */
export function isGrpc(fields: Fields): boolean {
  for (let index = 0; index < fields.count; index += 1) {
    if (fields.names[index] !== "other" || fields.nameText(index) !== "content-type") continue;
    return /^application\/grpc(?:[+;]|$)/i.test(fields.value(index));
  }
  return false;
}
