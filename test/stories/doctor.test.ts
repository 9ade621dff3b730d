import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer as createHttpServer } from "node:http";
import { join } from "node:path";
import { after, test } from "node:test";
import { createServer as createTlsServer } from "node:tls";
import { makeCertificate } from "../support/certificates.ts";
import { runProgram } from "../support/client-program.ts";
import { grave } from "../support/findings.ts";
import { temporaryFolder } from "../support/folders.ts";
import { freePort } from "../support/free-port.ts";
import { HttpsAuthority } from "../support/https-authority.ts";
import { Latchkey } from "../support/latchkey.ts";
import { type Said, startNameServer } from "../support/name-server.ts";

/** Where another server has the ports of this program. */
const OTHER = "127.0.0.5";

const a = (name: string, data: string): Said => ({
  answers: [{ type: "A", name, ttl: 1, data }],
});

/** Everything that DNS knows here: nothing for names that are not in it. */
function say(type: string, name: string): Said {
  switch (`${type} ${name}`) {
    case "A well.shop.example":
    case "A caa.shop.example":
      return a(name, "127.0.0.1");
    case "A other.shop.example":
      return a(name, OTHER);
    case "CAA caa.shop.example":
      return {
        answers: [{ type: "CAA", name, ttl: 1, data: { flags: 0, tag: "issue", value: ";" } }],
      };
    case "A fails.shop.example":
    case "AAAA fails.shop.example":
    case "CAA fails.shop.example":
      return { rcode: "SERVFAIL" };
    default:
      return /(?:gone|latchkey-)/.test(name) ? { rcode: "NXDOMAIN" } : { answers: [] };
  }
}

const folder = await temporaryFolder();
const dns = await startNameServer(say);
const ca = await HttpsAuthority.start();
const trust = join(folder.path, "trust.pem");
await writeFile(trust, ca.address.trust);
const storage = join(folder.path, "storage");

const config = `
workers: 1
acme:
  resolvers: ["${dns.address}"]
  issue: first-visit
  issuers: [{ directory: "https://localhost:${ca.address.port}/directory", trust: ${trust} }]
hosts:
  well.shop.example: { respond: ok }
  other.shop.example: { respond: ok }
  caa.shop.example: { respond: ok }
  gone.shop.example: { respond: ok }
  bare.shop.example: { respond: ok }
  fails.shop.example: { respond: ok }
  in.shop.internal: { respond: ok, issuer: internal }
  passed.shop.example: { passThrough: "127.0.0.1:9" }
  "*.shop.example": { respond: ok, onDemand: { allow: [a.shop.example] } }
`;
/** Also when the program has ended: nobody else takes them meanwhile. */
const ports = { http: await freePort(), https: await freePort() };
const listen = `listen: { https: ["127.0.0.1:${ports.https}"], http: ["127.0.0.1:${ports.http}"] }`;
const withoutHttp = `listen: { https: ["127.0.0.1:${ports.https}"], http: [] }`;
const latchkey = await Latchkey.start({ config, storage, listen });
const other = createHttpServer((_request, response) => {
  response.writeHead(404, { server: "nginx/1.30" }).end();
});
await once(other.listen(ports.http, OTHER), "listening");
after(async () => {
  other.close();
  await latchkey[Symbol.asyncDispose]();
  await ca[Symbol.asyncDispose]();
  await dns[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

async function run(file: string, ...args: readonly string[]) {
  const at = ["--http", String(ports.http), "--https", String(ports.https)];
  return await runProgram("sh", ["src/latchkey.sh", "doctor", ...args, ...at, "--config", file]);
}

/** `{ "this machine": [...], host: [...] }`: all but what is well. */
async function seen(file: string, ...hosts: readonly string[]) {
  const { code, stdout, stderr } = await run(file, "--json", ...hosts);
  assert.equal(stderr, "");
  const report = JSON.parse(stdout);
  for (const { severity, saw, do: remedy } of [
    ...report.machine,
    ...report.hosts.flatMap(({ findings }: { findings: object[] }) => findings),
  ]) {
    assert.notEqual(saw, "");
    assert.equal(remedy === null, severity === "ok");
  }
  return {
    code,
    codes: report.machine.map((each: { code: string }) => each.code),
    machine: grave(report.machine),
    hosts: Object.fromEntries(
      report.hosts.map(({ host, findings }: { host: string; findings: never[] }) => [
        host,
        grave(findings),
      ]),
    ),
  };
}

test("doctor tells each host's own fault, asks the CA for its directory and for nothing else, and ends with 1", async () => {
  const before = ca.requests.length;
  const { code, machine, codes, hosts } = await seen(latchkey.file);
  assert.equal(code, 1);
  assert.deepEqual(machine, notOnDisk(machine));
  assert.ok(codes.includes("program.running") && codes.includes("ca.reached"));
  assert.ok(codes.includes("clock.right"));
  assert.deepEqual(hosts, {
    "well.shop.example": [],
    "other.shop.example": ["problem address.other-server"],
    "caa.shop.example": ["problem caa.forbids"],
    "gone.shop.example": ["problem name.nxdomain"],
    "bare.shop.example": ["problem name.no-address"],
    "fails.shop.example": ["problem name.servfail"],
    "in.shop.internal": [],
  });
  assert.deepEqual(ca.requests.slice(before), ["GET /directory"]);
  assert.equal(latchkey.count("order.started"), 0);
});

/** A storage of tests may stand in memory, which is worth a word to their operators. */
function notOnDisk(machine: readonly string[]): readonly string[] {
  return machine.filter((line) => line === "advice storage.volatile");
}

test("doctor HOST looks at that host alone, also at one that is made on demand, and knows who is none of ours", async () => {
  const well = await seen(latchkey.file, "WELL.shop.example");
  assert.deepEqual([well.code, well.hosts], [0, { "well.shop.example": [] }]);
  const { hosts, code } = await seen(
    latchkey.file,
    ...["passed.shop.example", "a.shop.example", "b.shop.example"],
    ...["*.shop.example", "elsewhere.example"],
  );
  assert.equal(code, 1);
  assert.deepEqual(hosts, {
    "passed.shop.example": [],
    "a.shop.example": ["problem name.no-address"],
    "b.shop.example": ["problem host.refused"],
    "*.shop.example": ["problem host.unknown"],
    "elsewhere.example": ["problem host.unknown"],
  });
});

test("doctor is for people where no one asks for JSON, with what to do under what was seen", async () => {
  const { stdout, code } = await run(latchkey.file, "other.shop.example");
  assert.equal(code, 1);
  assert.match(stdout, /^this machine\n {2}ok {7}program\.running +Latchkey runs \(pid \d+\)$/m);
  assert.match(
    stdout,
    /^other\.shop\.example\n(?:.*\n)* {2}problem {2}address\.other-server +127\.0\.0\.5 is this machine, .*nginx\/1\.30.*\n +→ Stop the other server/m,
  );
  assert.match(stdout, /^1 problem, \d to know$/m);
  assert.ok(!stdout.includes("\x1b"), "colours in a pipe");
});

test("when nothing runs, doctor opens the ports itself, and sees who has taken them", async () => {
  assert.equal(await latchkey.stop(), 0);
  const file = join(folder.path, "stopped.yaml");
  await writeFile(file, `${listen}\nstorage: ${storage}\n${config}`);
  const stopped = await seen(file, "well.shop.example", "in.shop.internal");
  assert.deepEqual(stopped.machine, notOnDisk(stopped.machine));
  assert.deepEqual(stopped.hosts, { "well.shop.example": [], "in.shop.internal": [] });
  assert.equal(stopped.code, 0);
  assert.ok(stopped.codes.includes("program.stopped") && stopped.codes.includes("listener.free"));

  const taker = createHttpServer().listen(ports.http, "127.0.0.1");
  await once(taker, "listening");
  const taken = await seen(file, "well.shop.example");
  taker.close();
  assert.equal(taken.code, 1);
  assert.ok(taken.machine.includes("problem listener.taken"));
  assert.deepEqual(taken.hosts, { "well.shop.example": [] }, "port 443 leads here all the same");
});

test("with the internal authority alone, doctor looks at nothing outside this machine", async () => {
  const file = join(folder.path, "internal.yaml");
  const hosts = "hosts: { shop.internal: { respond: ok } }";
  await writeFile(
    file,
    `${listen}\nstorage: ${folder.path}/new\nacme: { resolvers: ["${dns.address}"] }\n${hosts}\n`,
  );
  const asked = [ca.requests.length, dns.questions.length];
  const { code, codes, machine, hosts: found } = await seen(file);
  assert.deepEqual([code, machine, found], [0, [], { "shop.internal": [] }]);
  assert.ok(codes.includes("public.skipped") && codes.includes("storage.new"));
  assert.deepEqual([ca.requests.length, dns.questions.length], asked);
});

test("http-01 alone without a listener for it is told, and so is a CA that is not trusted", async () => {
  const file = join(folder.path, "impossible.yaml");
  const issuers = `[{ directory: "https://localhost:${ca.address.port}/directory" }]`;
  const acme = `acme: { challenges: [http-01], resolvers: ["${dns.address}"], issuers: ${issuers} }`;
  await writeFile(
    file,
    `${withoutHttp}\nstorage: ${folder.path}/new\n${acme}\nhosts: { well.shop.example: { respond: ok } }\n`,
  );
  const { machine, hosts } = await seen(file);
  assert.deepEqual(machine, ["problem ca.unreachable"]);
  assert.deepEqual(hosts, { "well.shop.example": ["problem challenge.impossible"] });
});

test("another certificate at port 443 is told where tls-alpn-01 alone can prove the name", async () => {
  const { chain, key } = makeCertificate({ names: ["other.example"] });
  const foreign = createTlsServer({ cert: chain, key }).listen(ports.https, OTHER);
  await once(foreign, "listening");
  const file = join(folder.path, "tls.yaml");
  await writeFile(file, `${withoutHttp}\nstorage: ${storage}\n${config}`);
  const { hosts } = await seen(file, "other.shop.example");
  foreign.close();
  assert.deepEqual(hosts, { "other.shop.example": ["problem address.other-server"] });
});
