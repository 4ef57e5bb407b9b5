import assert from "node:assert/strict";
import { test } from "node:test";
import { type Account, Ledger } from "./ledger.ts";

const START = Date.UTC(2026, 10, 22, 8, 0, 0);
const stampOf = (ms: number): string => new Date(START + ms).toISOString().replace("Z", "000");

function join(ledger: Ledger, openedAt: number, gapFrom?: number): Account {
  const account = ledger.join(gapFrom === undefined ? undefined : START + gapFrom);
  account.openedAt = START + openedAt;
  return account;
}

/** Hands message number `n`, stamped at n × 100 ms, to an account 5 ms later. */
function give(ledger: Ledger, account: Account, n: number): number | undefined {
  return ledger.receive(account, stampOf(n * 100), `line ${n}`, START + n * 100 + 5);
}

test("due is what any client received while the stream was open", () => {
  const ledger = new Ledger(0);
  const [all, some] = [join(ledger, 0), join(ledger, 250)];
  for (const n of [1, 2, 3, 4, 5]) give(ledger, all, n);
  for (const n of [3, 5]) give(ledger, some, n);
  ledger.leave(all, START + 600, false);
  ledger.leave(some, START + 600, false);
  ledger.settle();
  assert.deepEqual([all.counts.due, all.counts.delivered], [5, 5]);
  assert.deepEqual([some.counts.due, some.counts.delivered], [3, 2]);
});

test("messages stamped before the stream was open are neither due nor timed", () => {
  const ledger = new Ledger(0);
  const account = join(ledger, 250);
  assert.equal(give(ledger, account, 1), undefined);
  assert.ok(Math.abs((give(ledger, account, 3) ?? 0) - 5) < 0.01);
  ledger.settle();
  assert.equal(account.counts.beforeOpen, 1);
  assert.deepEqual([account.counts.due, account.counts.delivered], [1, 1]);
});

test("a client that leaves is not owed what was on its way then", () => {
  const ledger = new Ledger(0);
  const [stays, leaves] = [join(ledger, 0), join(ledger, 0)];
  for (let n = 1; n <= 30; n++) give(ledger, stays, n);
  for (let n = 1; n <= 15; n++) give(ledger, leaves, n);
  ledger.leave(leaves, START + 2_000, true);
  ledger.settle();
  assert.deepEqual([leaves.counts.due, leaves.counts.delivered], [10, 10]);
});

test("a gap's messages are found by the witness, and lost unless replayed", () => {
  for (const [replayed, lost] of [
    [[], 5],
    [[4, 5, 6, 7, 8], 0],
    [[7, 8], 3],
  ] as const) {
    const ledger = new Ledger(0);
    const witness = join(ledger, 0);
    for (let n = 1; n <= 12; n++) give(ledger, witness, n);
    const returned = join(ledger, 850, 350);
    for (const n of replayed) give(ledger, returned, n);
    for (let n = 9; n <= 12; n++) give(ledger, returned, n);
    ledger.settle();
    assert.deepEqual([returned.counts.gapMessages, returned.counts.gapLost], [5, lost]);
    assert.deepEqual([returned.counts.due, returned.counts.delivered], [4, 4]);
  }
});

test("a gap whose messages nobody received is known from the plan's log", () => {
  const ledger = new Ledger(0);
  const returned = join(ledger, 850, 350);
  returned.gapByLog = 4;
  ledger.settle();
  assert.deepEqual([returned.counts.gapMessages, returned.counts.gapLost], [4, 4]);
});

test("duplicates and messages out of order are counted", () => {
  const ledger = new Ledger(0);
  const account = join(ledger, 0);
  for (const n of [1, 2, 2, 4, 3]) give(ledger, account, n);
  ledger.settle();
  const { received, duplicates, reordered, delivered } = account.counts;
  assert.deepEqual(
    { received, duplicates, reordered, delivered },
    { received: 5, duplicates: 1, reordered: 1, delivered: 4 },
  );
});

test("the same text at another time is another message", () => {
  const ledger = new Ledger(0);
  const account = join(ledger, 0);
  ledger.receive(account, stampOf(100), "same", START + 101);
  ledger.receive(account, stampOf(200), "same", START + 201);
  assert.equal(account.counts.duplicates, 0);
});

test("clocks that disagree are counted, and the message is kept", () => {
  const ledger = new Ledger(0);
  const account = join(ledger, 0);
  ledger.receive(account, stampOf(100), "x", START + 90);
  ledger.receive(account, "no stamp", "y", START + 90);
  ledger.settle();
  assert.deepEqual([account.counts.negative, account.counts.unstamped, account.counts.delivered], [1, 1, 1]);
});

test("a server's clock that runs ahead is taken off its timestamps", () => {
  const ledger = new Ledger(5_000);
  const account = join(ledger, 0);
  const latency = ledger.receive(account, stampOf(5_100), "x", START + 130);
  assert.ok(Math.abs((latency ?? 0) - 30) < 0.01);
});

test("over a long plan, old messages are settled and forgotten, and no count changes by it", () => {
  const ledger = new Ledger(0);
  const [all, half] = [join(ledger, 0), join(ledger, 0)];
  for (let n = 1; n <= 6_000; n++) {
    give(ledger, all, n);
    if (n % 2 === 0) give(ledger, half, n);
  }
  const known = (ledger as unknown as { entries: Map<string, unknown> }).entries.size;
  assert.ok(known <= 602, `${known} of 6000 messages are still held`);
  ledger.settle();
  assert.deepEqual([all.counts.due, all.counts.delivered], [6_000, 6_000]);
  assert.deepEqual([half.counts.due, half.counts.delivered], [6_000, 3_000]);
});
