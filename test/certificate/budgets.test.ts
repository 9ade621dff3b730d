import assert from "node:assert/strict";
import { test } from "node:test";
import { AcmeProblem } from "../../src/acme/problem.ts";
import { LatchkeyError } from "../../src/base/errors.ts";
import { Budgets } from "../../src/certificate/budgets.ts";
import { caLimitsOf } from "../../src/certificate/ca-limits.ts";
import type { Planned } from "../../src/certificate/planned-order.ts";
import type { StoredBudget } from "../../src/storage/budgets.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { keptLog, named } from "../support/stored.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory";
const STAGING = "https://acme-staging-v02.api.letsencrypt.org/directory";
const PRIVATE = "https://ca.corp.example/acme/directory";
const INTERNAL = "https://latchkey.internal/acme/directory";

/** Budgets on a virtual clock and a disk of memory that outlives them. */
async function budgetsOf(disk: StoredBudget[] = [], clock = new ManualClock()) {
  const log = keptLog();
  let saves = 0;
  const budgets = new Budgets({
    clock,
    log,
    ratesOf: (directory) => caLimitsOf(directory, INTERNAL).rates,
    store: {
      load: async () => [...disk],
      save: async (stored) => {
        saves += 1;
        disk.splice(0, disk.length, ...stored);
      },
    },
  });
  await budgets.open();
  /** How many orders go through until one has to wait, and for how long. */
  const spend = async (planned: (index: number) => Planned, max = 2_000) => {
    for (let placed = 0; placed < max; placed += 1) {
      const wait = budgets.waitFor(planned(placed));
      if (wait !== undefined) return { placed, waitMs: wait.until - clock.now() };
      await budgets.place(planned(placed), async () => {});
    }
    return { placed: max, waitMs: 0 };
  };
  return { budgets, clock, log, disk, spend, saves: () => saves };
}

function order(name: string, purpose: Planned["purpose"] = "new", directory = LETS_ENCRYPT) {
  return { directory, name: named(name), purpose };
}

const runs = [
  {
    what: "new names of one account, each under a domain of its own: 300, then one in 36 s",
    planned: (index: number) => order(`www.shop${index}.example`),
    placed: 300,
    waitMs: 36_000,
  },
  {
    what: "new names under one registered domain: 50, then one in 201.6 min",
    planned: (index: number) => order(`shop${index}.tenants.example.co.uk`),
    placed: 50,
    waitMs: 12_096_000,
  },
  {
    what: "new names under a private suffix, which are domains of their own",
    planned: (index: number) => order(`shop${index}.github.io`),
    placed: 300,
    waitMs: 36_000,
  },
  {
    what: "the same name: 5, then one in 33.6 h",
    planned: () => order("www.shop.example"),
    placed: 5,
    waitMs: 120_960_000,
  },
  {
    what: "renewals under one domain, which have a budget of their own",
    planned: (index: number) => order(`shop${index}.shop.example`, "renewal"),
    placed: 300,
    waitMs: 36_000,
  },
  {
    what: "renewals that the CA advised, which cost nothing",
    planned: () => order("www.shop.example", "advised"),
    placed: 2_000,
    waitMs: 0,
  },
  {
    what: "staging's new names under one domain: 1,500, then one in 7.2 s",
    planned: (index: number) => order(`shop${index}.shop.example`, "new", STAGING),
    placed: 1_500,
    waitMs: 7_200,
  },
  {
    what: "a private CA, which has no limits that we know of",
    planned: () => order("www.shop.example", "new", PRIVATE),
    placed: 2_000,
    waitMs: 0,
  },
  {
    what: "our own authority",
    planned: () => order("www.shop.internal", "new", INTERNAL),
    placed: 2_000,
    waitMs: 0,
  },
];

for (const { what, planned, placed, waitMs } of runs) {
  test(`the budget of ${what}`, async () => {
    const { spend } = await budgetsOf();
    assert.deepEqual(await spend(planned), { placed, waitMs });
  });
}

test("new names that used everything up leave renewals what is theirs", async () => {
  const { budgets, spend } = await budgetsOf();
  await spend((index) => order(`www.shop${index}.example`));
  assert.equal(budgets.waitFor(order("old.shop.example", "renewal")), undefined);
});

test("a name with five failed authorizations waits 12 minutes, also for a renewal; others do not", async () => {
  const { budgets, clock } = await budgetsOf();
  for (let count = 0; count < 5; count += 1) {
    assert.equal(budgets.waitFor(order("shop.example")), undefined);
    await budgets.failed(LETS_ENCRYPT, named("shop.example"));
  }
  const wait = budgets.waitFor(order("shop.example", "advised"));
  assert.equal(wait?.code, "BUDGET_SPENT");
  assert.equal((wait?.until ?? 0) - clock.now(), 12 * MINUTE);
  assert.equal(budgets.waitFor(order("www.shop.example")), undefined);
});

test("C14: new accounts are ten, then one in 18 minutes, and the eleventh is not asked for", async () => {
  const { budgets, clock } = await budgetsOf();
  let asked = 0;
  const register = () =>
    budgets.register(PRIVATE, async () => {
      asked += 1;
    });
  for (let count = 0; count < 10; count += 1) await register();
  await assert.rejects(register(), { code: "BUDGET_SPENT" });
  assert.equal(asked, 10);
  clock.advance(18 * MINUTE);
  await register();
  assert.equal(asked, 11);
});

test("what is spent is on disk before the CA hears of the order, and outlives a restart", async () => {
  const { budgets, disk, clock, spend } = await budgetsOf();
  let seen = 0;
  await budgets.place(order("shop.example"), async () => {
    seen = disk.length;
  });
  assert.equal(seen, 3);
  await spend(() => order("shop.example"));
  const next = await budgetsOf(disk, clock);
  assert.deepEqual(await next.spend(() => order("shop.example")), {
    placed: 0,
    waitMs: 120_960_000,
  });
});

test("C1: an order that was not placed costs nothing of what counts certificates, however long a CA is out", async () => {
  const { budgets, disk } = await budgetsOf();
  const out = new LatchkeyError("ACME_UNREACHABLE", "Cannot reach the CA: connection refused");
  for (let count = 0; count < 50; count += 1) {
    const placing = budgets.place(order("shop.example"), async () => {
      throw out;
    });
    await assert.rejects(placing, out);
  }
  assert.equal(budgets.waitFor(order("shop.example")), undefined);
  assert.deepEqual([...new Set(disk.map(({ kind }) => kind))], ["orders"]);
});

test("an order that ended without a certificate gives back what counts certificates, and no more than it took", async () => {
  const { budgets, spend } = await budgetsOf();
  await spend(() => order("shop.example"));
  await budgets.unissued(order("shop.example"));
  assert.equal((await spend(() => order("shop.example"))).placed, 1);
  await budgets.unissued(order("shop.example", "advised"));
  assert.equal(budgets.waitFor(order("shop.example"))?.code, "BUDGET_SPENT");
});

test("nothing is asked of the CA when its budget cannot be written down", async () => {
  const { budgets, disk } = await budgetsOf();
  disk.splice = () => {
    throw new LatchkeyError("STORAGE_FAILED", "Cannot write: the disk is full");
  };
  const placing = budgets.place(order("shop.example"), async () => assert.fail("asked"));
  await assert.rejects(placing, { code: "STORAGE_FAILED" });
});

test("twenty orders at once share one write, and none goes before its own is on disk", async () => {
  const { budgets, disk, saves } = await budgetsOf();
  const names = Array.from({ length: 20 }, (_, index) => `www.shop${index}.example`);
  await Promise.all(
    names.map((name) =>
      budgets.place(order(name), async () => {
        assert.ok(disk.some(({ subject }) => subject === name));
      }),
    ),
  );
  assert.equal(saves(), 1);
});

test("budgets that are full again are not kept, and there are never more than 10,000", async () => {
  const { budgets, disk, clock } = await budgetsOf();
  await budgets.place(order("shop.example"), async () => {});
  clock.advance(35 * HOUR);
  for (let index = 0; index < 10_100; index += 1)
    budgets.close({ directory: PRIVATE, kind: "names", subject: `${index}.example` }, 90_000, "no");
  await budgets.failed(LETS_ENCRYPT, named("other.example"));
  assert.equal(disk.length, 10_000);
  assert.ok(!disk.some(({ subject }) => subject === "shop.example"));
});

test("K2: a clock set back by a year makes no wait longer than an empty budget's or a day", async () => {
  const { budgets, disk, clock } = await budgetsOf();
  for (let count = 0; count < 5; count += 1)
    await budgets.place(order("shop.example"), async () => {});
  budgets.close({ directory: PRIVATE, kind: "everything", subject: "" }, HOUR, "busy");
  await budgets.failed(LETS_ENCRYPT, named("shop.example"));
  const next = await budgetsOf(disk, new ManualClock(clock.now() - 365 * DAY));
  const wait = next.budgets.waitFor(order("shop.example"));
  assert.equal((wait?.until ?? 0) - next.clock.now(), 120_960_000);
  const pause = next.budgets.pause(PRIVATE, "everything");
  assert.equal((pause?.until ?? 0) - next.clock.now(), DAY);
});

/** A CA that says 429 to an order, in the words of Let's Encrypt unless they are others'. */
function refusal(detail: string, retryAfterMs: number | undefined): AcmeProblem {
  const type = "urn:ietf:params:acme:error:rateLimited";
  const document = { type, detail, status: 429, instance: undefined, subproblems: [] };
  return new AcmeProblem("order", document, { retryAfterMs });
}

const limitsOfTheCa = [
  {
    detail: "too many new orders (300) from this account in the last 3h0m0s",
    closed: [order("a.shop.example"), order("other.example")],
    open: [order("old.example", "renewal"), order("old.example", "advised")],
  },
  {
    detail: 'too many certificates (50) already issued for "shop.example" in the last 168h0m0s',
    closed: [order("a.shop.example"), order("b.shop.example")],
    open: [order("other.example"), order("old.shop.example", "renewal")],
  },
  {
    detail:
      "too many certificates (5) already issued for this exact set of identifiers in the last 168h",
    closed: [order("a.shop.example")],
    open: [order("b.shop.example"), order("other.example")],
  },
  {
    detail: 'too many failed authorizations (5) for "a.shop.example" in the last 1h0m0s',
    closed: [order("a.shop.example"), order("a.shop.example", "advised")],
    open: [order("b.shop.example")],
  },
  {
    detail: "slow down",
    closed: [order("a.shop.example"), order("other.example")],
    open: [order("old.example", "renewal"), order("a.shop.example", "new", STAGING)],
  },
];

for (const { detail, closed, open } of limitsOfTheCa) {
  test(`C3: after 429 "${detail}" no such order is placed for an hour, and others go on`, async () => {
    const { budgets, clock } = await budgetsOf();
    const failed = refusal(detail, HOUR);
    await assert.rejects(
      budgets.place(order("a.shop.example"), () => Promise.reject(failed)),
      failed,
    );
    for (const planned of open) assert.equal(budgets.waitFor(planned), undefined, planned.name);
    clock.advance(HOUR - 1);
    for (const planned of closed)
      assert.equal(budgets.waitFor(planned)?.code, "ACME_PAUSED", planned.name);
    clock.advance(1);
    for (const planned of closed) assert.equal(budgets.waitFor(planned), undefined, planned.name);
  });
}

/** What whatever stands before a CA says: no problem document, a page. */
const page = new LatchkeyError("ACME_PROTOCOL", "Cannot order: the CA answered with status 429", {
  status: 429,
  retryAfterMs: HOUR,
});

for (const purpose of ["new", "renewal"] as const) {
  test(`C3: after a page with 429 to an order of the kind "${purpose}" no other of that kind is placed for an hour, and other CAs are asked`, async () => {
    const { budgets, clock, log } = await budgetsOf();
    const placing = budgets.place(order("a.shop.example", purpose), () => Promise.reject(page));
    await assert.rejects(placing, page);
    const [other, kind] =
      purpose === "new" ? (["renewal", "orders"] as const) : (["new", "renewals"] as const);
    assert.equal(log.only("issuer.paused")["budget"], kind);
    assert.equal(budgets.waitFor(order("b.other.example", other)), undefined);
    assert.equal(budgets.waitFor(order("b.other.example", purpose, STAGING)), undefined);
    clock.advance(HOUR - 1);
    const wait = budgets.waitFor(order("b.other.example", purpose));
    assert.equal(wait?.code, "ACME_PAUSED");
    clock.advance(1);
    assert.equal(budgets.waitFor(order("b.other.example", purpose)), undefined);
  });
}

test("C3: after 429 to a renewal all renewals wait, and new names do not", async () => {
  const { budgets } = await budgetsOf();
  const placing = budgets.place(order("old.example", "advised"), () =>
    Promise.reject(refusal("slow down", HOUR)),
  );
  await assert.rejects(placing);
  assert.equal(budgets.waitFor(order("older.example", "advised"))?.code, "ACME_PAUSED");
  assert.equal(budgets.waitFor(order("new.example")), undefined);
});

test("C3: an operator's order is placed within the CA's pause, which begins anew if the CA says so", async () => {
  const { budgets, clock, disk } = await budgetsOf();
  const planned = order("a.shop.example", "new", PRIVATE);
  const place = (work: () => Promise<void>) => budgets.place(planned, work);
  budgets.close({ directory: PRIVATE, kind: "everything", subject: "" }, HOUR, "status 503");
  await assert.rejects(
    place(async () => {}),
    { code: "ACME_PAUSED" },
  );
  budgets.reopen(planned);
  assert.equal(budgets.pause(PRIVATE, "everything"), undefined);
  await assert.rejects(place(() => Promise.reject(refusal("slow down", HOUR))));
  assert.equal(budgets.waitFor(planned)?.until, clock.now() + HOUR);
  budgets.reopen(planned);
  await place(async () => {});
  await budgets.failed(PRIVATE, named("a.shop.example")); // shares the write
  assert.equal((await budgetsOf(disk, clock)).budgets.waitFor(planned), undefined);
});

test("what we count ourselves stays spent, whatever an operator asks for", async () => {
  const { budgets, spend } = await budgetsOf();
  const planned = order("shop.example");
  await spend(() => planned);
  budgets.reopen(planned);
  assert.equal(budgets.waitFor(planned)?.code, "BUDGET_SPENT");
});

const waits = [
  { asked: undefined, waitMs: MINUTE },
  { asked: 0, waitMs: MINUTE },
  { asked: HOUR, waitMs: HOUR },
  { asked: 1e12, waitMs: DAY },
];

for (const { asked, waitMs } of waits) {
  test(`C3: a CA that asks for ${asked} ms is left in peace for ${waitMs} ms, also by the next program`, async () => {
    const { budgets, disk, clock } = await budgetsOf();
    budgets.close({ directory: PRIVATE, kind: "everything", subject: "" }, asked, "busy");
    await budgets.failed(LETS_ENCRYPT, named("shop.example")); // shares the write
    const next = await budgetsOf(disk, clock);
    clock.advance(waitMs - 1);
    assert.ok(next.budgets.waitFor(order("shop.example", "advised", PRIVATE)));
    clock.advance(1);
    assert.equal(next.budgets.waitFor(order("shop.example", "advised", PRIVATE)), undefined);
  });
}
