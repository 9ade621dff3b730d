/** When a request that got no answer may be sent once more (RFC 9110 §9.2.2). */
export type Resend =
  | "never"
  | "if-idempotent"
  | "always"
  /** In any case, and over HTTP/1.1: the backend wants that. */
  | "over-http1"
  /** If it is idempotent, and to another backend: this one failed it. */
  | "elsewhere";

/** RFC 9110 §9.2.2, without TRACE: what may be sent again when nobody knows whether it arrived. */
const IDEMPOTENT: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);

/** How often one request after the other was sent: once more to the same backend at most, then to another one. */
export class Resends {
  #method = "";
  /** Was it sent to the same backend twice already? */
  #isRepeated = false;
  /** Was it sent again although a backend may have seen it? */
  #isResent = false;

  /** Starts on another request. */
  begin(method: string): void {
    this.#method = method;
    this.#isRepeated = false;
    this.#isResent = false;
  }

  /** May it go once more without anything happening twice? What may have been seen goes once more in all. */
  allows(resend: Resend): boolean {
    if (resend === "never") return false;
    return isUnseen(resend) || (!this.#isResent && IDEMPOTENT.has(this.#method));
  }

  /** Would it go to another backend? */
  isMove(resend: Resend): boolean {
    return resend === "elsewhere" || (this.#isRepeated && resend !== "over-http1");
  }

  /** It goes once more. */
  note(resend: Resend): void {
    this.#isRepeated = !this.isMove(resend);
    this.#isResent ||= !isUnseen(resend);
  }
}

/** Has no backend looked at it? Then it may go again whatever it is. */
function isUnseen(resend: Resend): boolean {
  return resend === "always" || resend === "over-http1";
}
