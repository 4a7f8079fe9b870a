import { describe, expect, test } from "vitest";
import type { MetricAnswer } from "@/api/gen";
import { allStale, inUnit, loneOf, toLines, toRow } from "./lines";

const answer = (
  series: MetricAnswer["series"],
  more: Partial<MetricAnswer> = {},
): MetricAnswer => ({
  figure: "x",
  unit: "count",
  function: "value",
  quantile: null,
  from: "",
  to: "",
  step_seconds: 10,
  series,
  source: "memory",
  newest_at: null,
  stale_since: null,
  ...more,
});

const series = (labels: Record<string, string>, points: [number, number | null][]) => ({
  labels,
  points,
  highest: null,
  newest_at: null,
  stale_since: null,
});

describe("lines", () => {
  test("of several answers share one axis; what a step lacks is a gap", () => {
    const { times, lines } = toLines(
      [
        answer([
          series({ deployment: "a" }, [
            [10, 1],
            [20, 2],
          ]),
        ]),
        answer([
          series({ deployment: "a" }, [
            [20, 3],
            [30, null],
          ]),
        ]),
      ],
      ["in", "out"],
    );
    expect(times).toEqual([10, 20, 30]);
    expect(lines.map((l) => [l.name, l.values])).toEqual([
      ["in", [1, 2, null]],
      ["out", [null, 3, null]],
    ]);
  });

  test("are told apart by what differs", () => {
    const made = toLines(
      [
        answer([
          series({ node: "n", gpu: "0" }, [[10, 1]]),
          series({ node: "n", gpu: "1" }, [[10, 2]]),
        ]),
      ],
      [undefined],
    );
    expect(made.lines.map((l) => l.name)).toEqual(["0", "1"]);
  });

  test("without a single value are left out", () => {
    expect(toLines([answer([series({}, [[10, null]])])], []).lines).toEqual([]);
  });

  test("span what was asked for, whatever was measured of it", () => {
    const asked = answer([series({}, [[1_767_225_700, 1]])], {
      from: "2026-01-01T00:00:00Z",
      to: "2026-01-01T01:00:00Z",
    });
    expect(toLines([asked], []).span).toEqual([1_767_225_600, 1_767_229_200]);
    expect(toLines([], []).span).toBeNull();
  });

  test("that can't be read anew have no last value", () => {
    const made = allStale(toLines([answer([series({}, [[10, 1]])])], []), 1_767_225_600_000);
    expect(made.staleSince).toBe("2026-01-01T00:00:00.000Z");
    expect(made.lines.map((l) => toRow(l).last)).toEqual([null]);
  });

  test("are stale together only where each answer is", () => {
    const old = answer([series({}, [[10, 1]])], { stale_since: "2026-01-01T00:00:00Z" });
    const fresh = answer([series({}, [[10, 1]])]);
    expect(toLines([old, fresh], []).staleSince).toBeNull();
    expect(toLines([old], []).staleSince).toBe("2026-01-01T00:00:00Z");
  });
});

test("a value alone between gaps is drawn as a point", () => {
  expect(loneOf([1, null, 2, 3, null, 4])).toEqual([0, 5]);
  expect(loneOf([])).toEqual([]);
});

describe("a row of the table", () => {
  const line = { name: "a", values: [1, null, 3], highest: [5, null, 3], staleSince: null };

  test("keeps the peaks within steps", () => {
    expect(toRow(line)).toEqual({ name: "a", last: 3, lowest: 1, mean: 2, highest: 5 });
  });

  test("has no last value where its source is silent", () => {
    expect(toRow({ ...line, staleSince: "2026-01-01T00:00:00Z" }).last).toBeNull();
  });
});

test("values stand in their unit", () => {
  expect(inUnit(null, "bytes")).toBe("–");
  expect(inUnit(0.93, "ratio")).toBe("93 %");
  expect(inUnit(0.0123, "seconds")).toBe("12 ms");
  expect(inUnit(2048, "bytes_per_second")).toBe("2 KiB/s");
  expect(inUnit(0.03, "per_second")).toBe("0.03");
});
