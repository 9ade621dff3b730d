import { globSync, readFileSync } from "node:fs";

/** What can go wrong, by the name that tests call it. */
const FAULTS: Readonly<Record<string, string>> = {
  D1: "a worker is killed under load",
  D2: "all workers are killed at once",
  D3: "the manager is killed",
  D4: "the manager is killed and stays away",
  D5: "everything is killed, as by a power cut, and started again",
  D6: "a kill at any step of issuance",
  D7: "a crash loop",
  D8: "a child that dies young, again and again",
  D9: "a worker that hangs",
  D10: "the program is stopped for long and goes on",
  D11: "nonsense between the processes",
  D12: "SIGTERM",
  D13: "a second signal while connections finish",
  D14: "a reload and the end at the same moment",
  S1: "the disk is full before an order",
  S2: "the disk is full between the order and its certificate",
  S3: "a write that comes out short",
  S4: "fsync, read or write fails",
  S5: "storage is read-only",
  S6: "the storage folder is missing, or another user's",
  S7: "files of a host are cut, empty, swapped or of something else",
  S8: "the account's files are broken",
  S9: "the lock of a dead program, of no program, or of the future",
  S10: "two programs on one storage",
  S11: "the program that has the storage is killed in the middle of an order",
  S12: "the storage folder is deleted while the program runs",
  S13: "links planted in storage",
  S14: "nobody reads the log, or its disk is full",
  S15: "ten thousand hosts in storage",
  S16: "files given by hand are replaced, by broken ones too",
  C1: "the CA is down, or cannot be trusted",
  C2: "the CA answers 500, 502, 503",
  C3: "the CA answers 429, with any Retry-After",
  C4: "the CA refuses nonces",
  C5: "the CA refuses nonces for ever",
  C6: "the CA is slow, or says nothing",
  C7: "orders and authorizations that stay as they are",
  C8: "a challenge that the CA finds wrong",
  C9: "a certificate that does not fit",
  C10: "the CA says: renew now",
  C11: "the CA's renewal window makes no sense",
  C12: "the CA moves its resources",
  C13: "authorizations that are valid already",
  C14: "the account is gone",
  C15: "a thousand renewals at once",
  C16: "the first of two CAs keeps failing",
  C17: "certificates of 160 hours",
  K1: "the clock jumps ahead",
  K2: "the clock is set back",
  K3: "the clock is wrong for hours",
  N1: "DNS answers with errors, with nothing, or with hundreds of records",
  N2: "a DNS-01 record that never shows, or stays",
  N3: "port 80 is taken",
  N4: "the port for HTTPS is taken",
  N5: "the machine has no IPv6",
  N6: "a network that loses packets, and takes long",
  T1: "a ClientHello in many pieces",
  T2: "a ClientHello that makes its reader fail",
  T3: "OpenSSL reads another name than we do",
  T4: "a name that nobody knows",
  T5: "no name, or an address",
  T6: "a session of one host is shown to another",
  T7: "a request for another host than its connection",
  T8: "another spelling of a host",
  T9: "a wildcard beside an exact host",
  T10: "connections like a CA's that are left hanging",
  T11: "old TLS, weak ciphers, renegotiation",
  T12: "ticket keys that are shared, or never change",
  T13: "no protocol in common",
  T14: "a body whose length has two readings",
  T15: "more fields than are read",
  T16: "a tunnel before the backend has agreed",
  T17: "an upgrade to h2c",
  T18: "CONNECT",
  T19: "a body that nobody reads",
  T20: "bytes of a backend that answer nothing",
  T21: "Connection names fields that are ours",
  T22: "fields of ours in the words of a stranger",
  T23: "a PROXY header from anybody",
  T24: "two authorities in one stream",
  T25: "floods of frames that cost a client little",
  T26: "a client that is slow on purpose",
  T27: "heads without measure",
  T28: "a WebSocket from another site",
  T29: "another protocol than the port is for",
  T30: "names made to collide",
  T31: "strangers bring made-up names",
  T32: "many wait for a certificate",
  T33: "an ask endpoint that misbehaves",
  T36: "a challenge token that nobody armed",
  T37: "a host name as the name of a file",
  T47: "a flood that fills the log",
  B1: "the backend refuses",
  B2: "the backend takes no connection",
  B3: "the backend never answers",
  B4: "the backend breaks off",
  B5: "one side of a connection ends",
  B6: "a kept connection closes when it is needed",
  B7: "an answer that is none",
  B8: "one side is slow",
  B9: "gRPC: no answer but a status, large messages, both ways for long, calls that are cancelled",
  B10: "the backend of a WebSocket is gone, or silent",
  B11: "the backend is not who it should be",
  R1: "descriptors run out",
  R3: "memory runs out",
};

/** The sentence of a test, and where it stands. */
interface Shown {
  readonly id: string;
  readonly sentence: string;
  readonly file: string;
}

const BEGIN = "<!-- from the tests' names: npm run faults -->";
const END = "<!-- end -->";
/** `test("C9: …"`, also as a template and on a line of its own. */
const NAMED_TEST = /\btest\(\s*(["`])([BCDKNRST]\d{1,2}(?:, [BCDKNRST]\d{1,2})*): (.+?)\1, /gs;

/** Ids of tests that no row is about: for the test of the table. */
export function unknownIds(): string[] {
  return shown()
    .map(({ id }) => id)
    .filter((id) => !(id in FAULTS));
}

/** Faults that no test is named after. */
export function unshown(): string[] {
  const ids = new Set(shown().map(({ id }) => id));
  return Object.keys(FAULTS).filter((id) => !ids.has(id));
}

/** The document with its table made anew. */
export function withTable(document: string): string {
  const [before, rest = ""] = document.split(BEGIN);
  return `${before}${BEGIN}\n\n${table()}\n\n${END}${rest.split(END)[1] ?? "\n"}`;
}

function table(): string {
  const all = shown();
  const rows = Object.entries(FAULTS).map(([id, fault]) => {
    const tests = all
      .filter((each) => each.id === id)
      .map(
        ({ sentence, file }) =>
          `${sentence} ([${file.replace(/^test\/(?!config\/)/, "")}](${file}))`,
      );
    return `| ${id} | ${fault} | ${tests.join("<br>")} |`;
  });
  return [
    "| | fault | what happens, and the test that shows it |",
    "| --- | --- | --- |",
    ...rows,
  ].join("\n");
}

function shown(): Shown[] {
  return globSync("test/**/*.test.ts")
    .sort()
    .flatMap((file) =>
      [...readFileSync(file, "utf8").matchAll(NAMED_TEST)].flatMap(([, , ids = "", name = ""]) =>
        ids.split(", ").map((id) => ({ id, sentence: readable(name), file })),
      ),
    );
}

/** A template's rows differ in what stands in its holes. */
function readable(name: string): string {
  return name
    .replace(/\$\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}/g, "…")
    .replace(/\|/g, "\\|")
    .replace(/\\"/g, '"');
}
