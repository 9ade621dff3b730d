import { join } from "node:path";
import { formatTime } from "../base/format-time.ts";
import { writeFileAtomically } from "./atomic-write.ts";
import { corrupt } from "./failure.ts";
import { readOrMoveAside } from "./quarantine.ts";
import { readBounded } from "./read-file.ts";
import { type Fields, formatRecord, parseRecord, type RecordValue } from "./record.ts";
import type { StorageFolder } from "./storage-folder.ts";

/** What a CA counts: requests that may come only so often, or that it has asked us to hold back. */
export const BUDGET_KINDS = [
  /** New accounts, from one address. */
  "accounts",
  /** New orders for names that the CA has not certified for us before, of one account. */
  "orders",
  /** Orders for names that it has. */
  "renewals",
  /** New certificates below one registered domain. */
  "domain",
  /** Certificates for exactly the same names. */
  "names",
  /** Failed authorizations of one name. */
  "failures",
  /** New names on demand below one registered domain: not the CA's count, but the part of it that strangers may have. */
  "on-demand",
  /** Renewal windows asked for. */
  "windows",
  /** Anything at all. */
  "everything",
] as const;

export type BudgetKind = (typeof BUDGET_KINDS)[number];

/** What is left of one budget. Times in milliseconds since the epoch (RFC 3339 on disk). */
export interface StoredBudget {
  /** URL of the CA's directory. */
  readonly directory: string;
  readonly kind: BudgetKind;
  /** The domain or name it is about; empty for what counts for all. */
  readonly subject: string;
  /** When it will be full again: its whole state, for a token bucket. */
  readonly fullAt: number | undefined;
  /** Until when the CA wants no such request, by its Retry-After. */
  readonly closedUntil: number | undefined;
}

/** 20,000 budgets of names of 30 characters take 3 MiB. */
const FILE_MAX_BYTES = 8_388_608;
/** Stands for "all" in the file, where a key cannot be empty; no name starts with it. */
const ALL = "-";

/** What was spent of the budgets of every CA: `budgets.json`. */
export class BudgetFile {
  readonly #storage: StorageFolder;

  constructor(storage: StorageFolder) {
    this.#storage = storage;
  }

  /**
   * Everything that is stored; a broken file is moved to `quarantine/` and nothing counts as spent.
   *
   * @throws {LatchkeyError} `STORAGE_FAILED`.
   */
  async load(): Promise<readonly StoredBudget[]> {
    const path = join(this.#storage.root, "budgets.json");
    const item = { path, under: [], label: "budgets" };
    return (await readOrMoveAside(this.#storage, item, () => readBudgets(path))) ?? [];
  }

  /** @throws {LatchkeyError} `STORAGE_FAILED`, `STORAGE_LOCKED`. */
  async save(budgets: Iterable<StoredBudget>): Promise<void> {
    await this.#storage.confirmWritable();
    const path = join(this.#storage.root, "budgets.json");
    const text = formatRecord({ budgets: nested(budgets) });
    await writeFileAtomically(path, text, () => this.#storage.confirmWritable());
  }
}

/** `{ directory: { kind: { subject: { fullAt, closedUntil } } } }`. */
function nested(budgets: Iterable<StoredBudget>): RecordValue {
  const directories = Map.groupBy(budgets, ({ directory }) => directory);
  return objectOf(directories, (ofDirectory) =>
    objectOf(
      Map.groupBy(ofDirectory, ({ kind }) => kind),
      (ofKind) =>
        Object.fromEntries(
          ofKind.map(({ subject, fullAt, closedUntil }) => [
            subject || ALL,
            { fullAt: timeText(fullAt), closedUntil: timeText(closedUntil) },
          ]),
        ),
    ),
  );
}

function objectOf<Value>(
  map: ReadonlyMap<string, Value>,
  write: (value: Value) => RecordValue,
): RecordValue {
  return Object.fromEntries([...map].map(([key, value]) => [key, write(value)]));
}

function timeText(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : formatTime(ms);
}

async function readBudgets(path: string): Promise<readonly StoredBudget[] | undefined> {
  const bytes = await readBounded(path, FILE_MAX_BYTES);
  if (bytes === undefined) return undefined;
  const directories = parseRecord(bytes, path).object("budgets");
  return each(directories, (directory, kinds) => {
    if (!URL.canParse(directory)) throw corrupt(path, "a CA is not a URL");
    return each(kinds, (kind, subjects) => readKind(path, directory, kind, subjects));
  });
}

function readKind(
  path: string,
  directory: string,
  text: string,
  subjects: Fields,
): readonly StoredBudget[] {
  const kind = BUDGET_KINDS.find((known) => known === text);
  if (kind === undefined) throw corrupt(path, "a budget is not known");
  return each(subjects, (key, times) => {
    const subject = key === ALL ? "" : key;
    const [fullAt, closedUntil] = ["fullAt", "closedUntil"].map((name) =>
      times.keys.includes(name) ? times.time(name) : undefined,
    );
    return [{ directory, kind, subject, fullAt, closedUntil }];
  });
}

function each<Value>(
  fields: Fields,
  read: (key: string, value: Fields) => readonly Value[],
): readonly Value[] {
  return fields.keys.flatMap((key) => read(key, fields.object(key)));
}
