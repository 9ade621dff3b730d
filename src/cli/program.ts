import { Command, CommanderError, InvalidArgumentError } from "commander";
import type { HostAction } from "../admin/host-request.ts";
import { LatchkeyError, messageOf } from "../base/errors.ts";
import { programVersion } from "../base/version.ts";
import { EXIT } from "./exit.ts";

/** Codes of ours that mean: the configuration or the command line is wrong. */
const USAGE_CODES = new Set(["CONFIG_INVALID", "CONFIG_MISSING", "ACCESS_LOG_UNUSABLE", "USAGE"]);

/**
 * Runs one command to its exit code. Failures that a person can foresee are one line on standard
 * error; anything else is a fault of ours and comes with its stack.
 */
export async function runProgram(argv: readonly string[]): Promise<number> {
  // Who reads our words may be gone: no reason to stop serving, nor for a stack.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
  let code: number = EXIT.ok;
  const program = defineCommands((outcome) => {
    code = outcome;
  });
  try {
    await program.parseAsync([...argv], { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    if (!(error instanceof LatchkeyError)) throw error;
    // Its faults are on standard error already, a line each.
    if (error.code !== "CONFIG_INVALID") process.stderr.write(`latchkey: ${messageOf(error)}\n`);
    return USAGE_CODES.has(error.code) ? EXIT.usage : EXIT.failed;
  }
}

interface ConfigOption {
  readonly config?: string;
}

/** Every command: its name, what it does in a line, its options, and the file that does it. */
function defineCommands(finish: (code: number) => void): Command {
  const program = new Command("latchkey")
    .description("An edge proxy: list your domains, get HTTPS, forget it")
    .version(programVersion())
    .exitOverride();
  const command = (name: string, summary: string) =>
    program
      .command(name)
      .description(summary)
      .exitOverride()
      .option("--config <file>", "the configuration file");

  command("run", "run in the foreground; SIGHUP reloads, SIGTERM drains").action(
    async (options: ConfigOption) => {
      const { run } = await import("./run.ts");
      finish(await run(options.config));
    },
  );
  defineProxy(program, finish);
  command("check", "read the configuration, print the routing table or every fault").action(
    async (options: ConfigOption) => {
      const { check } = await import("./check.ts");
      finish(await check(options.config));
    },
  );
  command("reload", "have the program read its file again; prints what changes").action(
    async (options: ConfigOption) => {
      const { reload } = await import("./reload.ts");
      finish(await reload(options.config));
    },
  );
  command("demo", "the whole thing on one machine with nothing else")
    .option("--https <port>", "port for HTTPS", readPort)
    .option("--http <port>", "port for HTTP", readPort)
    .action(async (options: ConfigOption & { https?: number; http?: number }) => {
      const { demo } = await import("./demo.ts");
      finish(await demo(options));
    });
  defineViews(command, finish);
  const forHost = (line: Command, action: HostAction) =>
    line
      .argument("<host>", "as certs names it")
      .action(async (host: string, options: ConfigOption & { reason?: string }) => {
        const { act } = await import("./act.ts");
        finish(await act(action, host, options));
      });
  forHost(command("renew", "a new certificate for a host, now"), "renew");
  forHost(command("retry", "the attempt that a host waits for, now"), "retry");
  forHost(
    command("revoke", "a new certificate for a host; the old one is declared invalid"),
    "revoke",
  ).option("--reason <reason>", "such as keyCompromise or superseded (RFC 5280 §5.3.1)");
  defineDoctor(command, finish);
  defineDrains(command, finish);
  defineBackups(command, finish);
  defineTrust(command, finish);
  definePasswords(command, finish);
  return program;
}

/** The one command that takes no file. */
function defineProxy(program: Command, finish: (code: number) => void): void {
  program
    .command("proxy")
    .description("as run, for one host, without a file")
    .exitOverride()
    .argument("<host>", "a name such as shop.example")
    .argument("<backend>", "a port, or an address such as http://10.0.0.5:3002")
    .option("--internal", "certified by the internal authority, whatever the name")
    .option("--https <port>", "port for HTTPS", readPort)
    .option("--http <port>", "port for HTTP", readPort)
    .action(
      async (
        host: string,
        backend: string,
        options: { internal?: boolean; https?: number; http?: number },
      ) => {
        const { proxy } = await import("./proxy.ts");
        finish(await proxy(host, backend, options));
      },
    );
}

/** The look for what is wrong. */
function defineDoctor(
  command: (name: string, summary: string) => Command,
  finish: (code: number) => void,
): void {
  command("doctor", "what makes issuance fail, as far as this machine can see")
    .argument("[hosts...]", "hosts to look at; all unless given")
    .option("--json", "for programs")
    .option("--http <port>", "where CAs look for http-01, if not at port 80", readPort)
    .option("--https <port>", "where CAs look for tls-alpn-01, if not at port 443", readPort)
    .action(
      async (
        hosts: readonly string[],
        options: ConfigOption & { json?: boolean; http?: number; https?: number },
      ) => {
        const { doctor } = await import("./doctor.ts");
        finish(await doctor(hosts, options));
      },
    );
}

/** A backend out of use, and back. */
function defineDrains(
  command: (name: string, summary: string) => Command,
  finish: (code: number) => void,
): void {
  const withWords = (line: Command, isDrained: boolean) =>
    line
      .argument("<host>", "as status names it")
      .argument("<backend>", "as status names it, or as the configuration does")
      .action(async (host: string, backend: string, options: ConfigOption) => {
        const { drain } = await import("./drain.ts");
        finish(await drain(host, backend, isDrained, options.config));
      });
  withWords(command("drain", "no new requests for a backend; open ones finish"), true);
  withWords(command("undrain", "requests for a backend that was drained"), false);
}

/** The storage as one file, and back. */
function defineBackups(
  command: (name: string, summary: string) => Command,
  finish: (code: number) => void,
): void {
  const PASSPHRASE = [
    "--passphrase <secret>",
    "env:NAME or file:PATH; else it is asked for",
  ] as const;
  command("backup", "the storage as one file, encrypted; also while the program runs")
    .argument("<file>")
    .option(...PASSPHRASE)
    .action(async (file: string, options: ConfigOption & { passphrase?: string }) => {
      const { backup } = await import("./backup.ts");
      finish(await backup(file, options));
    });
  command("restore", "fill the storage from a backup, while nothing runs")
    .argument("<file>")
    .option(...PASSPHRASE)
    .option("--replace", "also when there is something: it is moved to quarantine/")
    .action(
      async (file: string, options: ConfigOption & { passphrase?: string; replace?: boolean }) => {
        const { restore } = await import("./restore.ts");
        finish(await restore(file, options));
      },
    );
}

/** What is running, and what it has. */
function defineViews(
  command: (name: string, summary: string) => Command,
  finish: (code: number) => void,
): void {
  command("status", "what is running, and the state of each host")
    .option("--json", "for programs")
    .action(async (options: ConfigOption & { json?: boolean }) => {
      const { status } = await import("./status.ts");
      finish(await status(options.config, options.json === true));
    });
  command("certs", "each host's certificate, its state and next step")
    .option("--json", "for programs")
    .action(async (options: ConfigOption & { json?: boolean }) => {
      const { certs } = await import("./certs.ts");
      finish(await certs(options.config, options.json === true));
    });
}

/** The internal root in the stores of this machine. */
function defineTrust(
  command: (name: string, summary: string) => Command,
  finish: (code: number) => void,
): void {
  command("trust", "have this machine trust the internal authority's root").action(
    async (options: ConfigOption) => {
      const { trust } = await import("./trust.ts");
      finish(await trust(options.config));
    },
  );
  command("untrust", "take the internal authority's root out again").action(async () => {
    const { untrust } = await import("./trust.ts");
    finish(await untrust());
  });
}

/** What `auth.basic` wants in place of passwords. */
function definePasswords(
  command: (name: string, summary: string) => Command,
  finish: (code: number) => void,
): void {
  command("hash-password", "the hash of a password, for auth.basic; asks, or reads a line").action(
    async () => {
      const { printPasswordHash } = await import("./hash-password.ts");
      finish(await printPasswordHash());
    },
  );
}

function readPort(text: string): number {
  const port = Number(text);
  if (!/^[0-9]+$/.test(text) || port > 65_535)
    throw new InvalidArgumentError("wanted a port from 0 to 65535");
  return port;
}
