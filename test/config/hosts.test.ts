import assert from "node:assert/strict";
import { test } from "node:test";
import { formatPattern } from "../../src/config/host-pattern.ts";
import { configOf, faultsOf } from "../support/config-text.ts";

/** A file (one line each), and every fault as `LINE PATH` with a piece of what it says. */
const refused: readonly {
  readonly name: string;
  readonly text: readonly string[];
  readonly faults: readonly (readonly [string, RegExp])[];
}[] = [
  {
    name: "a host twice in another case, in a list, with a trailing dot and as Unicode",
    text: [
      "hosts:",
      "  a.example: 1",
      "  A.Example: 2",
      "  b.example, a.example.: 3",
      "  bücher.example: 4",
      "  xn--bcher-kva.example: 5",
    ],
    faults: [
      ['3 hosts["A.Example"]', /"a\.example" stands on line 2 already/],
      ['4 hosts["b.example, a.example."]', /"a\.example" stands on line 2 already/],
      ['6 hosts["xn--bcher-kva.example"]', /"xn--bcher-kva\.example" stands on line 5 already/],
    ],
  },
  {
    name: "what is no host",
    text: [
      "hosts:",
      "  a_b.example: 1",
      "  a..example: 1",
      "  https://a.example: 1",
      "  a.example:8443: 1",
      '  "a.*.example": 1',
      '  "*a.example": 1',
      "  a.example,: 1",
      "  1.2: 1",
    ],
    faults: [
      ['2 hosts["a_b.example"]', /not a host name, wanted one such as/],
      ['3 hosts["a..example"]', /not a host name/],
      ['4 hosts["https://a.example"]', /without scheme and path/],
      ['5 hosts["a.example:8443"]', /without a port/],
      ['6 hosts["a.*.example"]', /first label only/],
      ['7 hosts["*a.example"]', /first label only/],
      ['8 hosts["a.example,"]', /not a host name/],
      ['9 hosts["1.2"]', /not a host name/],
    ],
  },
  {
    name: "a host that does nothing, or several things",
    text: [
      "hosts:",
      "  a.example: { issuer: letsencrypt }",
      "  b.example: { to: 1, redirect: c.example }",
      "  c.example: { respond: ok, passThrough: c:1, paths: { /: { to: 1 } } }",
    ],
    faults: [
      ['2 hosts["a.example"]', /does nothing, wanted one of to, paths/],
      ['3 hosts["b.example"].redirect', /does not go with `to`/],
      ['4 hosts["c.example"].respond', /does not go with `paths`/],
      ['4 hosts["c.example"].passThrough', /does not go with `paths`/],
    ],
  },
  {
    name: "keys that would be ignored",
    text: [
      "hosts:",
      "  a.example: { redirect: b.example, timeouts: { idle: 1s } }",
      "  c.example: { passThrough: c:1, issuer: internal }",
      "  d.example: { to: tcp://d:1, maxBody: 1KiB, paths: {} }",
      "  e.example: { respond: ok, status: 301 }",
      "  f.example: { to: 1, status: 301 }",
      "  g.example: { passThrough: c:1, certificate: { chain: a, key: b } }",
    ],
    faults: [
      ['2 hosts["a.example"].timeouts', /does not go with `redirect`, remove it/],
      ['3 hosts["c.example"].issuer', /does not go with `passThrough`/],
      ['4 hosts["d.example"].maxBody', /does not go with a tcp:\/\/ backend/],
      ['4 hosts["d.example"].paths', /does not go with a tcp:\/\/ backend/],
      ['5 hosts["e.example"].status', /does not go with `respond`/],
      ['6 hosts["f.example"].status', /does not go with `to`/],
      ['7 hosts["g.example"].certificate', /does not go with `passThrough`/],
    ],
  },
  {
    name: "a misspelt key that says what a host does, and no consequence of it",
    text: [
      "hosts:",
      "  a.example: { too: 1 }",
      "  b.example: { Redirect: a.example, status: 301 }",
      "  c.example: { tiemouts: {} }",
    ],
    faults: [
      ['2 hosts["a.example"].too', /nearest is "to"/],
      ['3 hosts["b.example"].Redirect', /nearest is "redirect"/],
      ['4 hosts["c.example"]', /does nothing/],
      ['4 hosts["c.example"].tiemouts', /nearest is "timeouts"/],
    ],
  },
  {
    name: "several tcp:// backends, tcp:// in a path, firstByte without HTTP",
    text: [
      "hosts:",
      "  a.example: { to: [tcp://a:1, tcp://b:1] }",
      "  b.example: { to: 1, paths: { /x/: { to: tcp://a:1 } } }",
      "  c.example: { to: tcp://a:1, timeouts: { firstByte: 1s } }",
      "  d.example: { passThrough: a:1, timeouts: { firstByte: 1s } }",
    ],
    faults: [
      ['2 hosts["a.example"].to', /is a list with tcp:\/\//],
      ['3 hosts["b.example"].paths["/x/"].to', /is tcp:\/\/, which has no paths/],
      ['4 hosts["c.example"].timeouts.firstByte', /without HTTP/],
      ['5 hosts["d.example"].timeouts.firstByte', /without HTTP/],
    ],
  },
  {
    name: "pages for answers that are never given",
    text: [
      "hosts:",
      "  a.example: { to: 1, errors: { 404: x.html, 500: x.html, 414: x.exe } }",
      "  b.example: { to: 1, paths: { /b: { errors: { 413: x.exe, 414: x.html, 421: x.html } } } }",
    ],
    faults: [
      ['2 hosts["a.example"].errors.404', /is no answer of Latchkey's own .*, wanted one of 400, /],
      ['2 hosts["a.example"].errors.500', /is no answer of Latchkey's own/],
      ['2 hosts["a.example"].errors.414', /of no type/],
      ['3 hosts["b.example"].paths["/b"].errors.413', /of no type/],
      [
        '3 hosts["b.example"].paths["/b"].errors.414',
        /is said before its path is known, wanted it/,
      ],
      ['3 hosts["b.example"].paths["/b"].errors.414', /does not exist/],
      [
        '3 hosts["b.example"].paths["/b"].errors.421',
        /is said before its path is known, wanted it/,
      ],
      ['3 hosts["b.example"].paths["/b"].errors.421', /does not exist/],
    ],
  },
  {
    name: "a fault in one part of a host hides none in another",
    text: [
      "hosts:",
      "  a.example: { to: 1, maintenance: { page: x.exe, allow: [zz] } }",
      '  b.example: { to: "https://a", backend: { tls: off, ca: nope.pem } }',
      "  c.example: { to: 1, paths: { x: { to: 1 }, /z: { stripPrefix: on, replacePrefix: /y } } }",
      "  d.example: { paths: { /: { to: 0 }, /z: { to: 1, stripPrefix: on, replacePrefix: /y } } }",
      "  e.example: { to: 1, errors: { 5xy: x.html, 502: y.exe } }",
    ],
    faults: [
      ['2 hosts["a.example"].maintenance.page', /is of no type/],
      ['2 hosts["a.example"].maintenance.allow[0]', /is not a range/],
      ['3 hosts["b.example"].backend.tls', /is not a known key/],
      ['3 hosts["b.example"].backend.ca', /does not exist/],
      ['4 hosts["c.example"].paths.x', /is not a path prefix/],
      ['4 hosts["c.example"].paths["/z"].stripPrefix', /does not go with `replacePrefix`/],
      ['5 hosts["d.example"].paths["/"].to', /is not a port/],
      ['5 hosts["d.example"].paths["/z"].stripPrefix', /does not go with `replacePrefix`/],
      ['6 hosts["e.example"].errors.5xy', /status/],
      ['6 hosts["e.example"].errors.502', /is of no type/],
    ],
  },
  {
    name: "numbers that YAML reads differently from how they look, and numbers that are not whole",
    text: [
      "hosts:",
      "  a.example: 0x1F",
      "  b.example: 010",
      "  c.example: { to: [1e3, 3001] }",
      "  d.example: { to: 1, ejectAfter: 1.5 }",
      "  e.example: { to: 1, rateLimit: { requests: 1.5 } }",
    ],
    faults: [
      ['2 hosts["a.example"]', /is written 0x1F, which YAML takes for the number 31/],
      ['3 hosts["b.example"]', /is written 010, which YAML takes for the number 10/],
      ['4 hosts["c.example"].to[0]', /is written 1e3, which YAML takes for the number 1000/],
      ['5 hosts["d.example"].ejectAfter', /^is not whole, wanted a whole number such as 5$/],
      [
        '6 hosts["e.example"].rateLimit.requests',
        /^is not whole, wanted a whole number such as 100$/,
      ],
    ],
  },
  {
    name: "a tag hides no other fault",
    text: ["hosts:", "  a.example: { to: !x 1, maxbody: 1KiB }", "  c.example: 99999"],
    faults: [
      ["2 file", /carries a tag/],
      ['2 hosts["a.example"].maxbody', /is not a known key/],
      ['3 hosts["c.example"]', /is not a port/],
    ],
  },
  {
    name: "paths that leave requests over, or catch them twice, or lead nowhere",
    text: [
      "hosts:",
      "  a.example: { paths: { /x/: { to: 1 } } }",
      "  b.example: { to: 1, paths: { /: { to: 2 } } }",
      "  c.example: { paths: { /x/: { maxBody: 1KiB }, /: { to: 1 } } }",
      "  d.example: { to: 1, paths: { /../: { to: 1 }, /a?b: { to: 1 } } }",
      "  e.example: { to: [] }",
    ],
    faults: [
      ['2 hosts["a.example"].paths', /leaves requests over/],
      ['3 hosts["b.example"].paths["/"]', /means the same as `to`/],
      ['4 hosts["c.example"].paths["/x/"]', /leads nowhere, wanted `to`/],
      ['5 hosts["d.example"].paths["/../"]', /not a path prefix/],
      ['5 hosts["d.example"].paths["/a?b"]', /not a path prefix/],
      ['6 hosts["e.example"].to', /is empty, wanted a backend/],
    ],
  },
  {
    name: "backend keys that no backend heeds",
    text: [
      "hosts:",
      "  a.example: { to: 1, backend: { verify: off, serverName: x, host: upstream } }",
      "  b.example: { to: unix:/a, backend: { host: upstream } }",
      "  c.example: { to: https://a, backend: { ca: x.pem, verify: off } }",
      "  d.example: { to: 1, paths: { /x: { to: https://a } }, backend: { verify: off } }",
      "  e.example: { to: [1, h2c://a], backend: { proxyProtocol: v2 } }",
      "  f.example: { to: tcp://a:1, backend: { verify: off, host: upstream } }",
      "  g.example: { to: 1, backend: { proxyProtocol: v3 } }",
      "  h.example: { to: h2c://a, backend: { certificate: { chain: x.pem, key: x.key } } }",
      "  i.example: { to: h2c://a, backend: { http2: off } }",
    ],
    faults: [
      ['2 hosts["a.example"].backend.verify', /is for https:\/\/ backends/],
      ['2 hosts["a.example"].backend.serverName', /is for https:\/\/ backends/],
      ['3 hosts["b.example"].backend.host', /no meaning for unix:/],
      ['4 hosts["c.example"].backend.ca', /does not go with `verify: off`/],
      ['4 hosts["c.example"].backend.ca', /does not exist/],
      ['6 hosts["e.example"].backend.proxyProtocol', /does not go with h2c:/],
      ['7 hosts["f.example"].backend.verify', /is for https:/],
      ['7 hosts["f.example"].backend.host', /no meaning for unix: and tcp:/],
      ['8 hosts["g.example"].backend.proxyProtocol', /wanted one of v1, v2/],
      ['9 hosts["h.example"].backend.certificate', /is for https:\/\/ backends/],
      ['9 hosts["h.example"].backend.certificate.chain', /does not exist/],
      ['9 hosts["h.example"].backend.certificate.key', /does not exist/],
      ['10 hosts["i.example"].backend.http2', /is for https:\/\/ backends/],
    ],
  },
  {
    name: "a redirect to itself",
    text: [
      "hosts:",
      "  a.example: { redirect: A.example }",
      "  b.example: { redirect: b.example:8443 }",
    ],
    faults: [['2 hosts["a.example"].redirect', /leads back to this host/]],
  },
  {
    name: "answers that HTTP does not allow",
    text: [
      "hosts:",
      "  a.example: { respond: { status: 204, body: x } }",
      '  b.example: { respond: { headers: { A: "x\\r\\nB: y", "C D": x, transfer-encoding: chunked, x: a, X: b } } }',
    ],
    faults: [
      ['2 hosts["a.example"].respond.body', /does not go with status 204/],
      ['3 hosts["b.example"].respond.headers.A', /not the value of a header/],
      ['3 hosts["b.example"].respond.headers["C D"]', /not the name of a header/],
      ['3 hosts["b.example"].respond.headers.transfer-encoding', /frames the message/],
    ],
  },
  {
    name: "a header twice",
    text: ["hosts:", "  a.example: { respond: { headers: { x-a: 1, X-A: 2 } } }"],
    faults: [['2 hosts["a.example"].respond.headers.X-A', /stands here twice/]],
  },
  {
    name: "wildcards and the catch-all without a policy",
    text: ["hosts:", '  "*.a.example": 1', '  "*": 2', "  b.example, *.b.example: 3"],
    faults: [
      ['2 hosts["*.a.example"]', /add `onDemand: \{ allow: /],
      ['3 hosts["*"]', /add `onDemand: \{ ask: /],
      ['4 hosts["b.example, *.b.example"]', /"\*\.b\.example" gets its certificates on demand/],
    ],
  },
  {
    name: "a catch-all whose policy cannot decide",
    text: ["onDemand: { allow: [a.b.example] }", "hosts:", '  "*": 2'],
    faults: [["1 onDemand", /decides about "\*" too, wanted `ask/]],
  },
  {
    name: "a policy for hosts that need none",
    text: ["hosts:", "  a.example: { to: 1, onDemand: { ask: http://a/ } }"],
    faults: [['2 hosts["a.example"].onDemand', /is for wildcard hosts/]],
  },
  {
    name: "a pattern that lets strangers spend a public budget",
    text: [
      "onDemand: { ask: http://a/, allow: [a.b.example, '*.b.example', '*.localhost'] }",
      "hosts:",
      '  "*.b.example": 1',
      '  "*.localhost": 2',
    ],
    faults: [["1 onDemand.allow[1]", /weekly budget of the CA of "\*\.b\.example"/]],
  },
  {
    name: "a pattern under a catch-all with a public issuer",
    text: ["hosts:", '  "*": { to: 1, onDemand: { ask: http://a/, allow: ["*.b.example"] } }'],
    faults: [['2 hosts["*"].onDemand.allow[0]', /weekly budget/]],
  },
  {
    name: "allowing everything",
    text: ['onDemand: { allow: ["*"] }', "hosts: { '*.localhost': 1 }"],
    faults: [["1 onDemand.allow[0]", /would allow every name/]],
  },
  {
    name: "issuers that never certify the host",
    text: [
      "authority: { permit: [lan] }",
      "hosts:",
      "  a.example: { to: 1, issuer: internal }",
      "  b.lan: { to: 1, issuer: internal }",
      "  c.localhost: { to: 1, issuer: letsencrypt }",
      "  printer: 1",
      "  d.local: 1",
      "  e.internal: { to: 1, issuer: letsencrypt-staging }",
    ],
    faults: [
      ['3 hosts["a.example"]', /add it \(or a suffix of it\) to authority\.permit/],
      [
        '5 hosts["c.localhost"]',
        /no public authority certifies "c\.localhost", set `issuer: internal` on this host$/,
      ],
      ["6 hosts.printer", /set `issuer: internal` on this host and add it to authority\.permit/],
      ['7 hosts["d.local"]', /no public authority certifies/],
      ['8 hosts["e.internal"]', /no public authority certifies/],
    ],
  },
  {
    name: "acme.issuers for reserved names",
    text: ["acme: { issuers: [letsencrypt] }", "hosts: { a.localhost: 1 }"],
    faults: [['2 hosts["a.localhost"]', /no public authority certifies/]],
  },
  {
    name: "certificate beside what it replaces, and files that are not there",
    text: [
      "hosts:",
      "  a.example: { to: 1, issuer: internal, certificate: { chain: a.pem, key: b.pem } }",
      '  "*.b.example": { to: 1, onDemand: { ask: http://a/ }, certificate: { chain: /, key: b.pem } }',
    ],
    faults: [
      ['2 hosts["a.example"].issuer', /does not go with `certificate`/],
      ['2 hosts["a.example"].certificate.chain', /does not exist/],
      ['2 hosts["a.example"].certificate.key', /does not exist/],
      ['3 hosts["*.b.example"].onDemand', /does not go with `certificate`/],
      ['3 hosts["*.b.example"].certificate.chain', /is not a file/],
      ['3 hosts["*.b.example"].certificate.key', /does not exist/],
    ],
  },
  {
    name: "a wrong setting hides no fault of a host, and brings no consequence with it",
    text: [
      "acme: { issuers: [letsencript] }",
      "onDemand: { alow: [a.example] }",
      "authority: { permit: lan }",
      "hosts:",
      "  printer: 1",
      '  "*.a.example": 1',
      "  b.lan: { to: 1, issuer: internal }",
      "  c.example: { to: 0 }",
    ],
    faults: [
      ["1 acme.issuers[0]", /nearest/],
      ["2 onDemand.alow", /nearest is "allow"/],
      ["3 authority.permit", /is text, wanted a list/],
      ['8 hosts["c.example"].to', /is not a port/],
    ],
  },
  {
    name: "a key at fault in a host hides no other fault of it",
    text: [
      "hosts:",
      "  a.example: { to: 1, health: { every: 5 }, status: 301, timeouts: { idle: 5 } }",
    ],
    faults: [
      ['2 hosts["a.example"].health.every', /is a number/],
      ['2 hosts["a.example"].status', /does not go with `to`/],
      ['2 hosts["a.example"].timeouts.idle', /is a number/],
    ],
  },
  {
    name: "paths whose rules contradict themselves, or are never reached",
    text: [
      "hosts:",
      "  a.example:",
      "    to: 1",
      "    paths:",
      "      /a/: { to: 2, redirect: b.example }",
      "      /b/: { redirect: b.example, maxBody: 1KiB }",
      "      /c/: { respond: ok, stripPrefix: on }",
      "      /d/: { to: 2, stripPrefix: on, replacePrefix: /e/ }",
      "      /e/: { redirect: /e/x }",
      "      /f/: { redirect: a.example }",
      "      /g/: { redirect: /h, stripPrefix: on }",
      "      /h/: [{ to: 2 }, { to: 3 }]",
      "      /i/: { to: 2, status: 301 }",
      "  b.example: { paths: { /: [{ match: { methods: [GET] }, to: 2 }] } }",
    ],
    faults: [
      ['5 hosts["a.example"].paths["/a/"].to', /does not go with `redirect`/],
      ['6 hosts["a.example"].paths["/b/"].maxBody', /does not go with `redirect`/],
      ['7 hosts["a.example"].paths["/c/"].stripPrefix', /does not go with `respond`/],
      ['8 hosts["a.example"].paths["/d/"].stripPrefix', /does not go with `replacePrefix`/],
      ['9 hosts["a.example"].paths["/e/"].redirect', /leads back to this path/],
      ['10 hosts["a.example"].paths["/f/"].redirect', /leads back to this path/],
      ['11 hosts["a.example"].paths["/g/"].stripPrefix', /redirect that has a path/],
      ['12 hosts["a.example"].paths["/h/"][1]', /is never reached/],
      ['13 hosts["a.example"].paths["/i/"].status', /does not go with `to`/],
      ['14 hosts["b.example"].paths', /leaves requests over/],
    ],
  },
  {
    name: "prefixes with more than one reading",
    text: [
      "hosts:",
      "  a.example: { to: 1, paths: { //: { to: 2 }, /%61/: { to: 2 }, /a;b/: { to: 2 } } }",
    ],
    faults: [
      ['2 hosts["a.example"].paths["//"]', /has one reading/],
      ['2 hosts["a.example"].paths["/%61/"]', /has one reading/],
      ['2 hosts["a.example"].paths["/a;b/"]', /has one reading/],
    ],
  },
  {
    name: "rules that contradict themselves or cannot be",
    text: [
      "hosts:",
      "  a.example:",
      "    to: 1",
      "    hsts: { maxAge: 60d, includeSubDomains: on, preload: on }",
      "    headers:",
      "      request: { add: { X-C: ' a' } }",
      '      response: { set: { X-D: "a\\r\\nb", Date: x }, add: { X-E: 1 }, remove: [x-e] }',
      "  b.example: { to: 1, hsts: 60d, headers: { response: { remove: [Strict-Transport-Security] } } }",
      "  c.example: { to: tcp://c:1, allow: [10.0.0.0/8] }",
      "  d.example: { to: 1, errors: { 403: page.exe } }",
      "  e.example: { to: 1, headers: { request: { set: { X-A: 1, x-a: 2 }, remove: [X-B, x-b] } } }",
      "  f.example: { to: 1, headers: { request: { remove: [CDN-Loop] } } }",
    ],
    faults: [
      ['4 hosts["a.example"].hsts.preload', /maxAge of at least 365d/],
      ['6 hosts["a.example"].headers.request.add.X-C', /one line of ASCII/],
      ['7 hosts["a.example"].headers.response.set.X-D', /one line of ASCII/],
      ['7 hosts["a.example"].headers.response.set.Date', /set by Latchkey itself/],
      ['8 hosts["b.example"].hsts', /stands in `headers` too/],
      ['9 hosts["c.example"].allow', /does not go with a tcp/],
      ['10 hosts["d.example"].errors.403', /of no type that is known/],
      ['11 hosts["e.example"].headers.request.set.x-a', /has a rule already/],
      ['11 hosts["e.example"].headers.request.remove[1]', /has a rule already/],
      ['12 hosts["f.example"].headers.request.remove[0]', /set by Latchkey itself/],
    ],
  },
  {
    name: "a socket path longer than the system takes",
    text: ["hosts:", `  a.example: unix:/${"x".repeat(107)}`],
    faults: [['2 hosts["a.example"].to', /more than 107 bytes/]],
  },
];

for (const { name, text, faults: expected } of refused) {
  test(`${name} is refused`, () => {
    const faults = faultsOf(text.join("\n"));
    assert.deepEqual(
      faults.map(({ line, path }) => `${line} ${path}`),
      expected.map(([place]) => place),
    );
    for (const [index, [, says]] of expected.entries()) {
      assert.match(faults[index]?.message ?? "", says);
    }
  });
}

/** A host's value, and the action it means; backends and deadlines in short. */
const actions: readonly (readonly [string, string])[] = [
  ["3001", "/ → http 127.0.0.1:3001 client"],
  ['"3001"', "/ → http 127.0.0.1:3001 client"],
  ["app:3001", "/ → http app:3001 client"],
  ["http://10.0.0.5", "/ → http 10.0.0.5:80 client"],
  ["{ to: https://app, backend: { host: upstream } }", "/ → https app:443 backend app true"],
  [
    "{ to: https://app, backend: { serverName: b, verify: off } }",
    "/ → https app:443 client b false",
  ],
  ["h2c://app:50051", "/ → h2c app:50051 client"],
  ["unix:/run/app.sock", "/ → unix /run/app.sock"],
  ["unix:app.sock", "/ → unix /srv/edge/config/app.sock"],
  [
    "{ to: [3001, { url: 3002 }, { url: 'http://[::1]:3003' }] }",
    "/ → http 127.0.0.1:3001 client | http 127.0.0.1:3002 client | http ::1:3003 client",
  ],
  [
    "{ to: 1, paths: { /a: { to: 2 }, /a/b/: { to: 3, stripPrefix: on } } }",
    "/a/b/ strip → http 127.0.0.1:3 client; /a → http 127.0.0.1:2 client; / → http 127.0.0.1:1 client",
  ],
  ["{ paths: { /: { to: 2 } } }", "/ → http 127.0.0.1:2 client"],
];

for (const [value, expected] of actions) {
  test(`a host of ${value} forwards to ${expected}`, () => {
    const [host] = configOf(`hosts:\n  a.example: ${value}\n`).hosts;
    assert.equal(host?.action.kind, "forward");
    if (host?.action.kind !== "forward") return;
    const told = host.action.paths.map((path) => {
      const { prefix, stripPrefix } = path;
      const backends = path.answer === undefined ? path.backends : [];
      const all = backends.map((backend) => {
        if (backend.kind === "unix") return `unix ${backend.path}`;
        const tls = backend.kind === "https" ? ` ${backend.serverName} ${backend.verify}` : "";
        return `${backend.kind} ${backend.address.host}:${backend.address.port} ${backend.hostHeader}${tls}`;
      });
      return `${prefix}${stripPrefix ? " strip" : ""} → ${all.join(" | ")}`;
    });
    assert.equal(told.join("; "), expected);
  });
}

test("a path has from its host what it does not say itself", () => {
  const text = `hosts:
  a.example:
    to: 1
    timeouts: { connect: 1s, idle: 2s }
    maxBody: 1MiB
    backend: { host: upstream }
    paths:
      /x/: { to: 2, timeouts: { idle: 3s } }
      /y/: { to: 3, maxBody: 2KiB, backend: { host: client } }
`;
  const action = configOf(text).hosts[0]?.action;
  assert.equal(action?.kind, "forward");
  const paths = action?.kind === "forward" ? action.paths : [];
  const routes = paths.filter((path) => path.answer === undefined);
  const told = routes.map(({ prefix, timeouts, maxBodyBytes, backends }) => {
    return [prefix, Object.values(timeouts), maxBodyBytes, backends[0]?.hostHeader];
  });
  assert.deepEqual(told, [
    ["/x/", [1_000, 60_000, 3_000, undefined, 3_000], 1_048_576, "backend"],
    ["/y/", [1_000, 60_000, 2_000, undefined, 2_000], 2_048, "client"],
    ["/", [1_000, 60_000, 2_000, undefined, 2_000], 1_048_576, "backend"],
  ]);
});

test("a path without `to` leads to the backends of its host, spoken to as that says", () => {
  const text = `hosts:
  a.example:
    to: [1, { url: 2, weight: 3 }]
    balance: random-two
    paths:
      /admin/: { auth: off, backend: { host: upstream }, replacePrefix: / }
`;
  const action = configOf(text).hosts[0]?.action;
  const paths = action?.kind === "forward" ? action.paths : [];
  const told = paths.map((path) => {
    if (path.answer !== undefined) return undefined;
    const backends = path.backends.map((backend) =>
      backend.kind === "http" ? [backend.address.port, backend.hostHeader] : [],
    );
    return [path.prefix, path.replacePrefix, backends, path.balance.method, path.balance.weights];
  });
  assert.deepEqual(told, [
    [
      "/admin/",
      "/",
      [
        [1, "backend"],
        [2, "backend"],
      ],
      "random-two",
      [1, 3],
    ],
    [
      "/",
      undefined,
      [
        [1, "client"],
        [2, "client"],
      ],
      "random-two",
      [1, 3],
    ],
  ]);
});

test("a PROXY header is for every backend of a host, however it is spoken to, unless a path says otherwise", () => {
  const { hosts } = configOf(`hosts:
  a.example:
    to: [3001, https://app, unix:/app.sock]
    backend: { proxyProtocol: v2 }
    paths: { /x/: { to: 3002, backend: { proxyProtocol: v1 } }, /yy/: { to: 3003 } }
  b.example: { to: tcp://m:1883, backend: { proxyProtocol: v1 } }
`);
  const told = hosts.map(({ action }) =>
    action.kind === "forward"
      ? action.paths.flatMap((path) => ("backends" in path ? path.backends : []))
      : [action],
  );
  const versions = told.map((each) =>
    each.map((of) => ("proxyProtocol" in of ? of.proxyProtocol : undefined)),
  );
  assert.deepEqual(versions, [["v2", "v1", "v2", "v2", "v2"], ["v1"]]);
});

test("piped connections are idle for an hour unless something else is written", () => {
  const { hosts } = configOf(
    "hosts:\n  a.example: tcp://m:1883\n  b.example: { passThrough: '[::1]:9443', timeouts: { connect: 1s, idle: 5m } }\n",
  );
  assert.deepEqual(
    hosts.map(({ action }) => action),
    [
      {
        kind: "tcp",
        backend: { host: "m", port: 1883 },
        timeouts: { connectMs: 5_000, firstByteMs: 60_000, idleMs: 3_600_000 },
      },
      {
        kind: "pass-through",
        backend: { host: "::1", port: 9443 },
        timeouts: { connectMs: 1_000, firstByteMs: 60_000, idleMs: 300_000 },
      },
    ],
  );
});

test("a redirect to one of our hosts leads to the port that clients see, to others to 443", () => {
  const text = `listen: { https: [":8443"] }
hosts:
  a.localhost: 1
  b.localhost: { redirect: a.localhost }
  c.localhost: { redirect: "https://A.localhost:9443/new?x=1", status: 301 }
  d.localhost: { redirect: other.example/ }
`;
  const told = configOf(text)
    .hosts.slice(1)
    .map(({ action }) => action);
  assert.deepEqual(told, [
    { kind: "redirect", host: "a.localhost", port: undefined, path: undefined, status: 308 },
    { kind: "redirect", host: "a.localhost", port: 9_443, path: "/new?x=1", status: 301 },
    { kind: "redirect", host: "other.example", port: 443, path: "/", status: 308 },
  ]);
});

test("respond says text, or everything", () => {
  const text = `hosts:
  a.example: { respond: ok }
  b.example: { respond: { status: 503, headers: { Retry-After: 60, content-type: text/html }, body: no } }
  c.example: { respond: { status: 204 } }
`;
  assert.deepEqual(
    configOf(text).hosts.map(({ action }) => action),
    [
      {
        kind: "respond",
        status: 200,
        headers: { "Content-Type": "text/plain; charset=utf-8" },
        body: "ok",
      },
      {
        kind: "respond",
        status: 503,
        headers: { "Retry-After": "60", "content-type": "text/html" },
        body: "no",
      },
      { kind: "respond", status: 204, headers: {}, body: "" },
    ],
  );
});

test("hosts of one entry share its action and differ in their issuers", () => {
  const text = `onDemand: { allow: [x.b.example] }
hosts:
  a.localhost, B.Example., *.b.example, *.c.test: 1
`;
  const { hosts } = configOf(text);
  assert.deepEqual(
    hosts.map(({ pattern }) => formatPattern(pattern)),
    ["a.localhost", "b.example", "*.b.example", "*.c.test"],
  );
  const sources = hosts.map(({ certificate }) =>
    certificate.kind === "acme" ? [certificate.issuers[0]?.kind, certificate.onDemand?.allow] : [],
  );
  assert.deepEqual(sources, [
    ["internal", undefined],
    ["acme", undefined],
    ["acme", ["x.b.example"]],
    ["internal", ["x.b.example"]],
  ]);
});

test("names under the reserved suffixes use the internal authority unless something is written", () => {
  const kinds = (text: string) =>
    configOf(text).hosts.map(
      ({ certificate }) =>
        certificate.kind === "acme" && certificate.issuers.map(({ kind }) => kind).join(),
    );
  const names =
    "localhost: 1\n  a.localhost: 1\n  a.b.internal: 1\n  a.test: 1\n  a.home.arpa: 1\n  testx.example: 1\n";
  assert.deepEqual(kinds(`hosts:\n  ${names}`), [
    "internal",
    "internal",
    "internal",
    "internal",
    "internal",
    "acme",
  ]);
  const written = "acme: { issuers: [{ directory: https://ca.internal/dir }] }\n";
  assert.deepEqual(
    kinds(`${written}hosts:\n  a.test: 1\n  b.test: { to: 1, issuer: internal }\n`),
    ["acme", "internal"],
  );
});

test("pass-through hosts need neither certificate nor policy, wildcard or not", () => {
  const { hosts } = configOf(
    "hosts:\n  '*.a.example': { passThrough: a:1 }\n  '*': { passThrough: b:1 }\n",
  );
  assert.deepEqual(
    hosts.map(({ certificate }) => certificate.kind),
    ["none", "none"],
  );
});
