import { createCipheriv, createHmac } from "node:crypto";

const AES_KEY_BYTES = 16;
const IV_BYTES = 12;
const TAG_BYTES = 16;
const SECRET_BYTES = 32;
/** RFC 8446 §5.2: the application data record that a protected one looks like, and the type of what is in it. */
const PROTECTED = [23, 3, 3];
const HANDSHAKE = 22;
/** RFC 8446 §4.6.3: update_requested. */
const KEY_UPDATE = Buffer.from([24, 0, 0, 1, 1]);

/**
 * What a client of TLS 1.3 with TLS_AES_128_GCM_SHA256 says next: each record asks for an answer and is under keys of
 * its own.
 *
 * @param secret Its CLIENT_TRAFFIC_SECRET_0, as `keylog` events tell it.
 * @param sequence How many records it has sent since its handshake, fewer than 256.
 */
export class KeyUpdates {
  #secret: Buffer;
  #sequence: number;

  constructor(secret: Buffer, sequence = 0) {
    this.#secret = secret;
    this.#sequence = sequence;
  }

  /** The next `count` records. */
  take(count: number): Buffer {
    return Buffer.concat(Array.from({ length: count }, () => this.#next()));
  }

  #next(): Buffer {
    const key = expand(this.#secret, "key", AES_KEY_BYTES);
    const iv = expand(this.#secret, "iv", IV_BYTES);
    iv[IV_BYTES - 1] = (iv[IV_BYTES - 1] ?? 0) ^ this.#sequence;
    this.#sequence = 0; // under each key anew
    const length = KEY_UPDATE.length + 1 + TAG_BYTES;
    const head = Buffer.from([...PROTECTED, length >> 8, length & 0xff]);
    const cipher = createCipheriv("aes-128-gcm", key, iv).setAAD(head);
    const sealed = cipher.update(Buffer.from([...KEY_UPDATE, HANDSHAKE]));
    cipher.final();
    this.#secret = expand(this.#secret, "traffic upd", SECRET_BYTES);
    return Buffer.concat([head, sealed, cipher.getAuthTag()]);
  }
}

/** HKDF-Expand-Label without a context (RFC 8446 §7.1), up to one block of SHA-256. */
function expand(secret: Buffer, label: string, length: number): Buffer {
  const name = `tls13 ${label}`;
  const info = Buffer.from(`\0${String.fromCharCode(length, name.length)}${name}\0\x01`, "latin1");
  return createHmac("sha256", secret).update(info).digest().subarray(0, length);
}
