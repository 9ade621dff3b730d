/**
 * CPU per request of the relay beside nginx: the same backend, certificate and load, TLS 1.3 with
 * keep-alive, one process each, taken in turns. `node test/bench/relay.ts [seconds] [rounds] [bytes]`.
 * Needs nginx and wrk. With LATCHKEY_CPU_PROF=1 the relay leaves a profile in the working folder.
 */

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeCertificate } from "../support/certificates.ts";
import { freePort } from "../support/free-port.ts";
import { cpuSecondsOf } from "./process-tree.ts";
import { median } from "./table.ts";

const [seconds = 4, rounds = 3, bytes = 100] = process.argv.slice(2).map(Number);
/** Fewer for large answers, which would wait for each other beyond the patience of wrk. */
const CONNECTIONS = bytes > 1_000_000 ? 8 : 64;

interface Contender {
  readonly name: string;
  readonly port: number;
  /** The process that does the work. */
  readonly pid: number;
  readonly microseconds: number[];
}

const folder = mkdtempSync(join(tmpdir(), "latchkey-bench-"));
const children: ChildProcess[] = [];
try {
  await compare();
} finally {
  for (const child of children) child.kill("SIGTERM");
  await Promise.all(children.map((child) => child.exitCode ?? once(child, "exit")));
  rmSync(folder, { recursive: true });
}

async function compare(): Promise<void> {
  const { chain, key } = makeCertificate({ names: ["localhost"] });
  const chainFile = join(folder, "chain.pem");
  const keyFile = join(folder, "key.pem");
  writeFileSync(chainFile, chain);
  writeFileSync(keyFile, key);
  const backendPort = await startBackend();
  const contenders = [
    await startNginx(backendPort, chainFile, keyFile),
    await startRelay(backendPort, chainFile, keyFile),
  ];
  for (const contender of contenders) load(contender.port, 3); // warm: V8 optimises meanwhile
  for (let round = 0; round < rounds; round += 1) {
    for (const contender of contenders) contender.microseconds.push(measure(contender));
  }
  const [nginx = Number.NaN, relay = Number.NaN] = contenders.map(({ name, microseconds }) => {
    const middle = median(microseconds);
    print(
      `${name}: ${middle.toFixed(1)} µs CPU per request (${microseconds.map((us) => us.toFixed(1)).join(", ")})`,
    );
    return middle;
  });
  print(`latchkey / nginx: ${(relay / nginx).toFixed(2)}`);
}

async function startBackend(): Promise<number> {
  const port = await freePort();
  writeFileSync(join(folder, "body"), "x".repeat(bytes));
  startNginxWith(
    "backend",
    `access_log off; keepalive_requests 1000000; server { listen 127.0.0.1:${port}; location / { root ${folder}; try_files /body =404; default_type text/plain; } }`,
  );
  await reachable(port);
  return port;
}

async function startNginx(backendPort: number, chain: string, key: string): Promise<Contender> {
  const port = await freePort();
  const child = startNginxWith(
    "proxy",
    `access_log off; upstream b { server 127.0.0.1:${backendPort}; keepalive 128; keepalive_requests 1000000; }
    server { listen 127.0.0.1:${port} ssl; keepalive_requests 1000; ssl_certificate ${chain}; ssl_certificate_key ${key}; ssl_protocols TLSv1.3;
      location / { proxy_pass http://b; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host;
        proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto https; proxy_set_header X-Forwarded-Host $http_host;
        proxy_set_header X-Real-IP $remote_addr; proxy_set_header X-Request-Id $request_id; } }`,
  );
  await reachable(port);
  return { name: "nginx", port, pid: child.pid ?? 0, microseconds: [] };
}

/** nginx as one process without a master, so that its CPU is all in one place. */
function startNginxWith(name: string, http: string): ChildProcess {
  const file = join(folder, `${name}.conf`);
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((kind) => `${kind}_temp_path ${folder}/${name}-${kind};`)
    .join(" ");
  writeFileSync(
    file,
    `daemon off; master_process off; error_log stderr crit; pid ${folder}/${name}.pid;
    events { worker_connections 1024; } http { ${temporary} ${http} }`,
  );
  const child = spawn("nginx", ["-c", file, "-p", folder, "-e", "stderr"], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  children.push(child);
  return child;
}

async function startRelay(backendPort: number, chain: string, key: string): Promise<Contender> {
  const profile = process.env["LATCHKEY_CPU_PROF"] === "1" ? ["--cpu-prof"] : [];
  const child = spawn(
    process.execPath,
    [...profile, join(import.meta.dirname, "relay-server.ts"), String(backendPort), chain, key],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  children.push(child);
  const [line] = await once(child.stdout, "data");
  return { name: "latchkey", port: Number(line), pid: child.pid ?? 0, microseconds: [] };
}

function measure({ port, pid }: Contender): number {
  const before = cpuSecondsOf(pid);
  const requests = load(port, seconds);
  return ((cpuSecondsOf(pid) - before) / requests) * 1_000_000;
}

/** Requests that wrk got answered; fails when any was not 200. */
function load(port: number, duration: number): number {
  const out = execFileSync(
    "wrk",
    ["-t1", `-c${CONNECTIONS}`, `-d${duration}s`, `https://localhost:${port}/`],
    { encoding: "utf8" },
  );
  if (/Non-2xx|Socket errors/.test(out)) throw new Error(`Cannot compare: ${out}`);
  return Number(/(\d+) requests in/.exec(out)?.[1]);
}

/** nginx says nothing when it is ready: wrk would count refused connections as errors. */
async function reachable(port: number): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    try {
      await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(1_000) });
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error(`Cannot reach port ${port}`);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
