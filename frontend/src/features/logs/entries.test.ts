import { expect, test } from "vitest";
import type { LogEntry } from "@/api/logs";
import { asText, MOST_ENTRIES, merged, rowsOf } from "./entries";

const entry = (n: number, more: Partial<LogEntry> = {}): LogEntry => ({
  id: String(n),
  time: "2026-01-01T12:00:00Z",
  process: "gateway",
  message: `line ${n}`,
  ...more,
});
const ids = (entries: readonly LogEntry[]) => entries.map((e) => e.id).join();

test("an entry that comes twice is held once", () => {
  const held = merged([], [entry(1), entry(2)], "newer");
  expect(ids(merged(held, [entry(2), entry(3)], "newer"))).toBe("1,2,3");
  expect(merged(held, [entry(2)], "newer")).toBe(held);
  expect(ids(merged(held, [entry(0)], "older"))).toBe("0,1,2");
});

test("a follower lets go of the oldest, a reader of the newest", () => {
  const full = Array.from({ length: MOST_ENTRIES }, (_, n) => entry(n));
  expect(merged(full, [entry(-1)], "newer").at(-1)?.id).toBe("-1");
  expect(merged(full, [entry(-1)], "newer")).toHaveLength(MOST_ENTRIES);
  expect(merged(full, [entry(-1)], "older")[0]?.id).toBe("-1");
});

test("an exception is drawn line by line below its entry", () => {
  const rows = rowsOf([entry(1, { exception: "Traceback\n  at x" }), entry(2)]);
  expect(rows.map((r) => [r.text, r.isFirst])).toEqual([
    ["line 1", true],
    ["Traceback", false],
    ["  at x", false],
    ["line 2", true],
  ]);
});

test("what is copied says whose line it is", () => {
  expect(asText([entry(1, { level: "error", request_id: "req_1" })])).toBe(
    "2026-01-01T12:00:00Z ERROR gateway line 1 req_1",
  );
});
