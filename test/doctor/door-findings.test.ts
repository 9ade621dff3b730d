import assert from "node:assert/strict";
import { test } from "node:test";
import { type DoorQuestion, findingsOfDoors } from "../../src/doctor/door-findings.ts";
import type { DoorSight, HttpSight, TlsSight } from "../../src/doctor/sights.ts";
import { grave } from "../support/findings.ts";

const HERE = "203.0.113.7";
const THERE = "198.51.100.9";
const HERE6 = "2001:db8::7";
const THERE6 = "2001:db8:ffff::9";
const CLOUDFLARE = "104.16.0.1";

const ours: HttpSight = { kind: "ours", cdn: undefined, redirects: 0 };
const throughCdn: HttpSight = { kind: "ours", cdn: "Cloudflare", redirects: 1 };
const nginx: HttpSight = {
  kind: "other",
  url: "http://shop.example/",
  status: 404,
  server: "nginx",
  cdn: undefined,
};
const loop: HttpSight = { kind: "loop", url: "http://shop.example/", cdn: undefined };
const away: HttpSight = { kind: "led-away", url: "http://shop.example:81/", cdn: undefined };
const refused = { kind: "closed", code: "ECONNREFUSED" } as const;
const silent = { kind: "closed", code: "ETIMEDOUT" } as const;
const mine: TlsSight = { kind: "ours" };
const foreign: TlsSight = { kind: "other", subject: "other.example", issuer: "Other CA" };

const QUESTION: DoorQuestion = {
  ownAddresses: ["127.0.0.1", HERE, HERE6],
  hasDns: false,
  ports: { http: 80, https: 443 },
  listening: { http: 80, https: 443 },
};

const at = (
  address: string,
  http: HttpSight | undefined,
  tls: TlsSight | undefined,
): DoorSight => ({ address, http, tls });

const rows: readonly {
  readonly what: string;
  readonly sights: readonly DoorSight[];
  readonly question?: Partial<DoorQuestion>;
  readonly findings: readonly string[];
}[] = [
  { what: "both ports are ours", sights: [at(HERE, ours, mine)], findings: [] },
  {
    what: "both families are ours",
    sights: [at(HERE, ours, mine), at(HERE6, ours, mine)],
    findings: [],
  },
  { what: "nothing was looked at", sights: [at(HERE, undefined, undefined)], findings: [] },
  {
    what: "the A record leads elsewhere",
    sights: [at(THERE, nginx, foreign)],
    findings: ["problem address.elsewhere"],
  },
  {
    what: "the AAAA record leads elsewhere while A is right",
    sights: [at(HERE, ours, mine), at(THERE6, nginx, foreign)],
    findings: ["problem address.aaaa-elsewhere"],
  },
  {
    what: "the AAAA record is of a machine without IPv6",
    sights: [at(HERE, ours, mine), at(THERE6, silent, silent)],
    question: { ownAddresses: ["127.0.0.1", "::1", "fe80::1", HERE] },
    findings: ["problem address.no-ipv6"],
  },
  {
    what: "the AAAA record is ours, and nobody listens there",
    sights: [at(HERE, ours, mine), at(HERE6, refused, refused)],
    findings: ["problem ports.closed"],
  },
  {
    what: "an address is not this machine's, and silent",
    sights: [at(THERE, silent, silent)],
    findings: ["problem address.elsewhere"],
  },
  {
    what: "the machine is behind a router, and its public address silent",
    sights: [at(THERE, silent, silent)],
    question: { ownAddresses: ["127.0.0.1", "192.168.0.2"] },
    findings: ["advice address.unclear"],
  },
  {
    what: "another server has the ports of this machine",
    sights: [at(HERE, nginx, foreign)],
    findings: ["problem address.other-server"],
  },
  {
    what: "port 80 is closed, and 443 is ours",
    sights: [at(HERE, refused, mine)],
    findings: ["advice http.closed"],
  },
  {
    what: "port 80 is closed, and nothing else is asked for",
    sights: [at(HERE, refused, undefined)],
    findings: ["problem ports.closed"],
  },
  {
    what: "port 443 shows another certificate, and 80 is ours",
    sights: [at(HERE, ours, foreign)],
    findings: ["advice tls.other"],
  },
  {
    what: "TLS is opened before it comes here",
    sights: [at(HERE, ours, { kind: "clients-only" })],
    findings: ["advice tls.clients-only"],
  },
  {
    what: "a mapping is to lead to other ports",
    sights: [at(HERE, refused, refused)],
    question: { listening: { http: 8080, https: 8443 } },
    findings: ["advice ports.mapped"],
  },
  {
    what: "redirects lead in a circle",
    sights: [at(HERE, loop, refused)],
    findings: ["problem http.loop"],
  },
  {
    what: "a redirect leads to port 81",
    sights: [at(HERE, away, undefined)],
    findings: ["problem http.led-away"],
  },
  {
    what: "a CDN lets http-01 through",
    sights: [at(CLOUDFLARE, throughCdn, foreign)],
    findings: ["advice cdn.in-front"],
  },
  {
    what: "a CDN answers itself",
    sights: [at(CLOUDFLARE, { ...nginx, status: 403, cdn: "Cloudflare" }, foreign)],
    findings: ["problem cdn.in-front"],
  },
  {
    what: "a CDN that no table knows says who it is",
    sights: [at(THERE, { ...nginx, cdn: "CloudFront" }, foreign)],
    findings: ["problem cdn.in-front"],
  },
  {
    what: "a CDN redirects in a circle",
    sights: [at(CLOUDFLARE, { ...loop, cdn: "Cloudflare" }, foreign)],
    findings: ["problem cdn.loop"],
  },
  {
    what: "a CDN is in front, and only tls-alpn-01 is asked for",
    sights: [at(CLOUDFLARE, undefined, foreign)],
    findings: ["problem cdn.in-front"],
  },
  {
    what: "everything is elsewhere, and dns-01 does not mind",
    sights: [at(THERE, nginx, foreign), at(CLOUDFLARE, loop, foreign)],
    question: { hasDns: true },
    findings: ["advice address.elsewhere", "advice cdn.loop"],
  },
];

for (const { what, sights, question, findings } of rows) {
  test(`doors: ${what}`, () => {
    const seen = findingsOfDoors(sights, { ...QUESTION, ...question });
    assert.deepEqual(grave(seen), findings);
    for (const { severity, remedy } of seen)
      assert.equal(severity === "ok", remedy === undefined || remedy === "", "what to do is said");
  });
}
