import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./free-port.ts";

/** A request as an origin has noted it. */
export interface Noted {
  readonly method: string;
  readonly target: string;
  readonly version: string;
  readonly host: string;
  /** How much of a body it has read; `undefined`: it does not tell. */
  readonly bodyBytes: number | undefined;
}

/**
 * How a real server is made an origin whose log has a line for each request: client, bar, Host, bar, bytes of the body where
 * it can tell them, bar, request line.
 */
interface Recipe {
  readonly program: string;
  /** By name, what is to be written beside it. */
  files(place: Place): Readonly<Record<string, string>>;
  args(place: Place): readonly string[];
  /** Rows that it refuses without a line that says whose it was, and why. */
  readonly refuses?: Readonly<Record<string, string>>;
  /** Does it know hosts in small letters only, and without the dot at their end? */
  readonly foldsHosts?: boolean;
  /** Does it write its log to its standard output? Else to `place.log`. */
  readonly logsToOutput?: boolean;
}

interface Place {
  readonly folder: string;
  readonly port: number;
  readonly log: string;
  /** Does it speak HTTP/2 without TLS? */
  readonly isHttp2: boolean;
}

/** Whom the request came from, as Latchkey says it, and its first line. */
export type OriginName = keyof typeof RECIPES;

const RECIPES = {
  nginx: {
    program: "nginx",
    files: ({ folder, port, log, isHttp2 }) => ({
      "nginx.conf": `daemon off;
pid ${folder}/pid;
error_log ${folder}/error.log;
worker_processes 1;
events {}
http {
  log_format line '$http_x_forwarded_for|$http_host||$request';
  access_log ${log} line;
  client_body_temp_path ${folder}/body;
  large_client_header_buffers 8 32k;
  server { listen 127.0.0.1:${port}${isHttp2 ? " http2" : ""}; location / { return 200 ok; } }
}
`,
    }),
    args: ({ folder }) => ["-c", `${folder}/nginx.conf`],
    refuses: {
      "OPTIONS *": "answers 400 before it reads the fields",
      "a head: OPTIONS *": "answers 400 before it reads the fields",
    },
  },
  apache2: {
    program: "apache2",
    files: ({ folder, port, log, isHttp2 }) => ({
      "apache.conf": `${["mpm_event", "authz_core", "alias", "http2"]
        .map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`)
        .join("\n")}
ServerName origin
PidFile ${folder}/pid
DefaultRuntimeDir ${folder}
ErrorLog ${folder}/error.log
Listen 127.0.0.1:${port}
StartServers 1
Protocols ${isHttp2 ? "h2c" : "http/1.1"}
LimitRequestLine 16384
LimitRequestFieldSize 32768
LimitRequestFields 200
LogFormat "%{X-Forwarded-For}i|%{Host}i||%r" line
CustomLog ${log} line
RedirectMatch 204 .*
`,
    }),
    args: ({ folder }) => ["-X", "-f", `${folder}/apache.conf`],
  },
  lighttpd: {
    program: "lighttpd",
    files: ({ folder, port, log }) => ({
      "lighttpd.conf": `server.modules = ("mod_accesslog")
server.bind = "127.0.0.1"
server.port = ${port}
server.document-root = "${folder}"
server.errorlog = "${folder}/error.log"
server.max-request-field-size = 32768
accesslog.filename = "${log}"
accesslog.format = "%{X-Forwarded-For}i|%{Host}i||%r"
`,
    }),
    args: ({ folder }) => ["-D", "-f", `${folder}/lighttpd.conf`],
    foldsHosts: true,
  },
  h2o: {
    program: "h2o",
    files: ({ folder, port, log }) => ({
      "h2o.conf": `listen: { host: 127.0.0.1, port: ${port} }
num-threads: 1
error-log: ${folder}/error.log
access-log: { path: ${log}, format: "%{X-Forwarded-For}i|%V||%r" }
hosts: { default: { paths: { "/": { redirect: { status: 302, url: "http://origin/" } } } } }
`,
    }),
    args: ({ folder }) => ["-c", `${folder}/h2o.conf`],
    refuses: { "100 fields": "reads 100 fields, and there are ours too" },
  },
  gunicorn: {
    program: "gunicorn",
    files: () => ({
      "app.py": `def app(environ, start_response):
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Length", "0"), ("X-Body", str(len(body)))])
    return [b""]
`,
    }),
    args: ({ folder, port, log }) => [
      ...["--chdir", folder, "--bind", `127.0.0.1:${port}`, "--worker-class", "gthread"],
      ...["--threads", "8", "--limit-request-line", "0", "--limit-request-fields", "200"],
      ...["--limit-request-field_size", "0", "--worker-tmp-dir", folder],
      ...["--access-logfile", log, "--access-logformat"],
      ...["%({x-forwarded-for}i)s|%({host}i)s|%({x-body}o)s|%(r)s", "app:app"],
    ],
  },
  haproxy: {
    program: "haproxy",
    files: ({ port, isHttp2 }) => ({
      "haproxy.cfg": `global
  log stdout len 16384 format raw local0
  tune.bufsize 65536
  tune.http.maxhdr 200
  tune.http.logurilen 16384
defaults
  mode http
  log global
  timeout client 20s
frontend origin
  bind 127.0.0.1:${port}${isHttp2 ? " proto h2" : ""}
  option accept-invalid-http-request
  option dontlognull
  option http-buffer-request
  http-request capture req.hdr(x-forwarded-for) len 40
  http-request capture req.hdr(host) len 260
  http-request capture req.body_size len 10
  log-format "%[capture.req.hdr(0)]|%[capture.req.hdr(1)]|%[capture.req.hdr(2)]|%r"
  http-request return status 200 if { req.body_size ge 0 }
`,
    }),
    args: ({ folder }) => ["-db", "-f", `${folder}/haproxy.cfg`],
    logsToOutput: true,
  },
} as const satisfies Readonly<Record<string, Recipe>>;

export const originNames = Object.keys(RECIPES).filter(
  (name): name is OriginName => name in RECIPES,
);

/** A real server that takes every request and notes it. */
export class Origin implements AsyncDisposable {
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #log: string;
  readonly #foldsHosts: boolean;

  /** Starts it, and waits until it takes connections. */
  static async start(name: OriginName, isHttp2 = false): Promise<Origin> {
    const recipe: Recipe = RECIPES[name];
    const folder = await mkdtemp(join(tmpdir(), `latchkey-${name}-`));
    const place = { folder, port: await freePort(), log: join(folder, "access.log"), isHttp2 };
    for (const [file, content] of Object.entries(recipe.files(place)))
      await writeFile(join(folder, file), content);
    await using log = await open(place.log, "w");
    const child = spawn(recipe.program, recipe.args(place), {
      stdio: ["ignore", recipe.logsToOutput === true ? log.fd : "ignore", "ignore"],
      env: { ...process.env, PATH: `${process.env["PATH"]}:/usr/sbin` },
    });
    const origin = new Origin(child, place, recipe);
    await origin.#opened(name);
    return origin;
  }

  constructor(
    child: ChildProcess,
    { folder, port, log }: Place,
    { refuses = {}, foldsHosts = false }: Recipe,
  ) {
    this.refuses = refuses;
    this.#foldsHosts = foldsHosts;
    this.#child = child;
    this.#folder = folder;
    this.#log = log;
    this.port = port;
  }

  /** Rows that it refuses without a line that says whose it was, with the reason. */
  readonly refuses: Readonly<Record<string, string>>;

  /** How it writes this host. */
  hostAs(host: string): string {
    return this.#foldsHosts ? host.toLowerCase().replace(/\.(?=:|$)/, "") : host;
  }

  /** By client, the requests that it has noted. */
  async requests(): Promise<Map<string, Noted[]>> {
    const seen = new Map<string, Noted[]>();
    for (const line of (await readFile(this.#log, "latin1")).split("\n").filter(Boolean)) {
      const [client = "", host = "", body = ""] = line.split("|", 3);
      const requestLine = unescaped(line.slice(client.length + host.length + body.length + 3));
      const [method = "", target = "", version = ""] = requestLine.split(" ");
      const bodyBytes = body === "" || body === "-" ? undefined : Number(body);
      const noted = { method, target, version, host: unescaped(host), bodyBytes };
      seen.set(client, [...(seen.get(client) ?? []), noted]);
    }
    return seen;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null) {
      const exited = once(this.#child, "exit");
      this.#child.kill("SIGTERM");
      await exited;
    }
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #opened(name: OriginName): Promise<void> {
    for (;;) {
      const socket = connect({ port: this.port, host: "127.0.0.1" });
      const isOpen = await once(socket, "connect").then(
        () => true,
        () => false,
      );
      socket.destroy();
      if (isOpen) return;
      if (this.#child.exitCode !== null) throw new Error(`${name} has ended`);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

/** As it was before the log made it safe; no target that is let through has a # of its own. */
function unescaped(text: string): string {
  return text
    .replace(/(?:\\x|#)([0-9A-Fa-f]{2})/g, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    )
    .replaceAll('\\"', '"');
}
