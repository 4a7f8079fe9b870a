import { expect, test } from "vitest";
import type { LogEntry } from "@/api/logs";
import {
  asText,
  gapBefore,
  isGap,
  MOST_ENTRIES,
  membersOf,
  merged,
  rowsOf,
  sinceOf,
} from "./entries";

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

test("further members are told, an engine's own place is not told twice", () => {
  const ended = entry(1, {
    deployment: "demo",
    fields: { status: 200, ttft_seconds: null, a: [1] },
  });
  expect(membersOf(ended)).toBe("deployment=demo status=200 a=[1]");
  expect(membersOf({ ...ended, process: "engine", fields: {} })).toBe("");
  expect(asText([ended])).toBe(
    "2026-01-01T12:00:00Z gateway line 1 deployment=demo status=200 a=[1]",
  );
});

test("what is copied says whose line it is", () => {
  expect(asText([entry(1, { level: "error", request_id: "req_1" })])).toBe(
    "2026-01-01T12:00:00Z ERROR gateway line 1 req_1",
  );
});

test("a line that comes late stands where its time belongs", () => {
  const at = (n: number, second: number) => entry(n, { time: `2026-01-01T12:00:0${second}Z` });
  const held = merged([], [at(1, 1), at(2, 3)], "newer");
  expect(ids(merged(held, [at(3, 2), at(4, 4)], "newer"))).toBe("1,3,2,4");
  expect(ids(merged(held, [at(5, 0)], "newer"))).toBe("5,1,2");
});

test("what is asked next overlaps what was read, also of a log that was empty", () => {
  const asked = "2026-01-01T12:00:30.000Z";
  expect(sinceOf(null, null, asked)).toBe("2026-01-01T12:00:20.000Z");
  expect(sinceOf("2026-01-01T12:00:15Z", null, asked)).toBe("2026-01-01T12:00:05.000Z");
  expect(sinceOf(null, "2026-01-01T12:00:05.000Z", asked)).toBe("2026-01-01T12:00:05.000Z");
});

test("what is not read is said", () => {
  const [gap, first] = gapBefore([entry(7)]);
  expect(gap && isGap(gap)).toBe(true);
  expect(first && isGap(first)).toBe(false);
});
