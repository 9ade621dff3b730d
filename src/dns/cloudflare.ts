import { messageOf } from "../base/errors.ts";
import { type JsonRequest, requestJson } from "./json-request.ts";
import { ancestry, type DnsProvider, dnsFailure, type TxtRecord } from "./record.ts";

export interface CloudflareOptions {
  /** An API token that may edit the zone's DNS. Never logged. */
  readonly token: string;
  /** Of the API, up to the version. */
  readonly endpoint: string;
  readonly ttlSeconds: number;
  /** For each request. */
  readonly timeoutMs: number;
}

/** A record that is there already, in Cloudflare's codes: what was wanted. */
const ALREADY_THERE: ReadonlySet<unknown> = new Set([81_057, 81_058]);
/** Records of one name in one answer. */
const PAGE = 100;

/**
 * Cloudflare's API, version 4: the zone is looked for by name, a record by its content. What it refuses rejects with
 * its status among the facts ({@link isThrottled}).
 */
export function createCloudflare(options: CloudflareOptions): DnsProvider {
  const api = new Api(options);
  const named = async (
    action: string,
    { name }: Pick<TxtRecord, "name">,
    work: () => Promise<unknown>,
    signal: AbortSignal,
  ) => {
    try {
      await work();
    } catch (error) {
      signal.throwIfAborted();
      const facts = error instanceof Refusal ? { status: error.status } : {};
      throw dnsFailure(`${action} the TXT record ${name}`, messageOf(error), error, facts);
    }
  };
  return {
    look: (name, signal) => named("add", { name }, () => api.zoneOf(name, signal), signal),
    publish: (record, signal) =>
      named(
        "add",
        record,
        async () => {
          const zone = await api.zoneOf(record.name, signal);
          await api.add(zone, record, options.ttlSeconds, signal);
        },
        signal,
      ),
    remove: (record, signal) =>
      named(
        "remove",
        record,
        async () => {
          const zone = await api.zoneOf(record.name, signal);
          for (const id of await api.find(zone, record, signal)) await api.delete(zone, id, signal);
        },
        signal,
      ),
  };
}

class Api {
  readonly #options: CloudflareOptions;

  constructor(options: CloudflareOptions) {
    this.#options = options;
  }

  /** The id of the zone that the name is in, among those that the token may see. */
  async zoneOf(name: string, signal: AbortSignal): Promise<string> {
    for (const candidate of ancestry(name)) {
      const [zone] = await this.#list("zones", { name: candidate }, signal);
      if (zone !== undefined) return zone.id;
    }
    throw new Error(`the token sees no zone that ${name} is in`);
  }

  async add(zone: string, record: TxtRecord, ttl: number, signal: AbortSignal): Promise<void> {
    const { name, value } = record;
    const body = { type: "TXT", name, content: quoted(value), ttl };
    await this.#ask({ method: "POST", url: this.#url(`zones/${zone}/dns_records`), body }, signal);
  }

  /** The ids of the records of this very value. */
  async find(zone: string, record: TxtRecord, signal: AbortSignal): Promise<readonly string[]> {
    const query = { type: "TXT", name: record.name, per_page: String(PAGE) };
    const found = await this.#list(`zones/${zone}/dns_records`, query, signal);
    return found
      .filter(({ content }) => content === record.value || content === quoted(record.value))
      .map(({ id }) => id);
  }

  async delete(zone: string, id: string, signal: AbortSignal): Promise<void> {
    const url = this.#url(`zones/${zone}/dns_records/${encodeURIComponent(id)}`);
    await this.#ask({ method: "DELETE", url }, signal);
  }

  async #list(path: string, query: Readonly<Record<string, string>>, signal: AbortSignal) {
    const url = this.#url(path);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    return itemsIn(await this.#ask({ method: "GET", url }, signal));
  }

  #url(path: string): URL {
    return new URL(`${this.#options.endpoint.replace(/\/$/, "")}/${path}`);
  }

  /** The `result` of an answer that is no failure. */
  async #ask(request: Omit<JsonRequest, "headers">, signal: AbortSignal): Promise<unknown> {
    const { token, timeoutMs } = this.#options;
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const { status, body } = await requestJson({ ...request, headers }, timeoutMs, signal);
    const answer = fieldsOf(body);
    if (status < 300 && answer["success"] === true) return answer["result"];
    const errors = listOf(answer["errors"]).map(fieldsOf);
    if (errors.some(({ code }) => ALREADY_THERE.has(code))) return undefined;
    // Gone already, or never there.
    if (request.method === "DELETE" && status === 404) return undefined;
    const said = errors.map(({ code, message }) => `${String(message)} (${String(code)})`);
    throw new Refusal(`${request.url.host} says ${status} ${said.join(", ")}`.trimEnd(), status);
  }
}

/** The API does not do it. */
class Refusal extends Error {
  readonly status: number;

  constructor(message: string, status: number) {
    super(message);
    this.status = status;
  }
}

/** Cloudflare keeps the content of a TXT record as a zone file spells it. */
function quoted(value: string): string {
  return `"${value}"`;
}

function itemsIn(result: unknown): readonly { readonly id: string; readonly content: unknown }[] {
  return listOf(result)
    .map(fieldsOf)
    .flatMap(({ id, content }) => (typeof id === "string" ? [{ id, content }] : []));
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
