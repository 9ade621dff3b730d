import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import { after, test } from "node:test";
import { parseHostname } from "../../src/base/hostname.ts";
import { lookOverHttp } from "../../src/doctor/look-http.ts";
import { makeCertificate } from "../support/certificates.ts";
import { respondHttp, respondHttps } from "../support/challenge-responder.ts";
import { deadPort } from "../support/dead-port.ts";

const host = parseHostname("shop.example")!;
const WORDS = "the-words-of-this-program";
const PATH = "/.well-known/acme-challenge/token";

type Answer = (response: ServerResponse, request: IncomingMessage) => void;
let answer: Answer = (response) => response.end();
const shown = makeCertificate({ names: ["another.example"] });
const plain = await respondHttp((request, response) => answer(response, request));
const secure = await respondHttps(shown, (request, response) => answer(response, request));
after(() => Promise.all([plain[Symbol.asyncDispose](), secure[Symbol.asyncDispose]()]));

const ports = { http: plain.listener.port, https: secure.listener.port };

function look(answered: Answer, at = ports) {
  answer = answered;
  return lookOverHttp(
    {
      ...{ host, address: "127.0.0.1", token: "token", words: WORDS, ports: at },
      addressOf: async (name) => (name === "other.example" ? "127.0.0.1" : undefined),
    },
    AbortSignal.timeout(20_000),
  );
}

const isSecure = (request: IncomingMessage) => "encrypted" in request.socket;
const lead =
  (location: string): Answer =>
  (response) =>
    response.writeHead(301, { location }).end();

const rows: readonly {
  readonly what: string;
  readonly answer: Answer;
  readonly sight: Readonly<Record<string, unknown>>;
}[] = [
  {
    what: "our own words, with a line end",
    answer: (response, { url, headers }) =>
      response.end(url === PATH && headers.host === host ? `${WORDS}\n` : "no"),
    sight: { kind: "ours", cdn: undefined, redirects: 0 },
  },
  {
    what: "our own words by way of a CDN and its redirect to https, whatever certificate that has",
    answer: (response, request) =>
      isSecure(request)
        ? response.end(WORDS)
        : response.writeHead(301, { location: `https://${host}${PATH}`, "cf-ray": "1" }).end(),
    sight: { kind: "ours", cdn: "Cloudflare", redirects: 1 },
  },
  {
    what: "another server",
    answer: (response) => response.writeHead(404, { server: "nginx" }).end("not found"),
    sight: { kind: "other", url: `http://${host}${PATH}`, status: 404, server: "nginx" },
  },
  {
    what: "other words",
    answer: (response) => response.end("x".repeat(100_000)),
    sight: { kind: "other", url: `http://${host}${PATH}`, status: 200, server: undefined },
  },
  {
    what: "a redirect without a place",
    answer: (response) => response.writeHead(302).end(),
    sight: { kind: "other", status: 302, url: `http://${host}${PATH}`, server: undefined },
  },
  {
    what: "a redirect to itself",
    answer: lead(PATH),
    sight: { kind: "loop", url: `http://${host}${PATH}`, cdn: undefined },
  },
  {
    what: "a redirect back and forth between http and https",
    answer: (response, request) =>
      lead(`${isSecure(request) ? "http" : "https"}://${host}${PATH}`)(response, request),
    sight: { kind: "loop", url: `http://${host}${PATH}`, cdn: undefined },
  },
  {
    what: "redirects without end",
    answer: (response, { url = "" }) => lead(`${url}x`)(response, new Object() as IncomingMessage),
    sight: { kind: "loop", url: `http://${host}${PATH}${"x".repeat(11)}`, cdn: undefined },
  },
  {
    what: "a redirect to a port where no CA follows",
    answer: lead("http://shop.example:81/"),
    sight: { kind: "led-away", url: "http://shop.example:81/", cdn: undefined },
  },
  {
    what: "a redirect to another scheme",
    answer: lead("ftp://shop.example/"),
    sight: { kind: "led-away", url: "ftp://shop.example/", cdn: undefined },
  },
  {
    what: "a redirect to a name that leads nowhere",
    answer: lead("http://gone.example/"),
    sight: { kind: "led-nowhere", url: "http://gone.example/", code: "ENOTFOUND", cdn: undefined },
  },
  {
    what: "a redirect to another name that has our words",
    answer: (response, request) =>
      request.headers.host === "other.example"
        ? response.end(WORDS)
        : lead("http://other.example/")(response, request),
    sight: { kind: "ours", cdn: undefined, redirects: 1 },
  },
];

for (const { what, answer: answered, sight } of rows) {
  test(`over HTTP: ${what} is ${sight["kind"]}`, async () => {
    const seen = await look(answered);
    assert.deepEqual({ ...seen }, { ...("cdn" in sight ? {} : { cdn: undefined }), ...sight });
  });
}

test("over HTTP: nobody listens is closed", async () => {
  const dead = { ...ports, http: await deadPort() };
  const sight = await look((response) => response.end(), dead);
  assert.deepEqual(sight, { kind: "closed", code: "ECONNREFUSED" });
});

test("over HTTP: a server that says nothing is waited for no longer than the signal says", async () => {
  const stopping = new AbortController();
  answer = () => stopping.abort(new Error("enough"));
  const asked = lookOverHttp(
    {
      ...{ host, address: "127.0.0.1", token: "token", words: WORDS, ports },
      addressOf: async () => undefined,
    },
    stopping.signal,
  );
  await assert.rejects(asked, /enough/);
});
