import { expect, test } from "vitest";
import { daysOf, spanStart } from "./days";

const NOON = Date.parse("2026-11-24T12:00:00Z");

test("a span ends today and begins at midnight in UTC", () => {
  expect(spanStart(7, NOON)).toBe("2026-11-18T00:00:00.000Z");
  expect(spanStart(1, NOON)).toBe("2026-11-24T00:00:00.000Z");
});

test("days without use are shown as such, and each in its place", () => {
  const sum = { day: "2026-11-23", prompt_tokens: 5 };
  expect(daysOf([sum], spanStart(3, NOON), 3)).toEqual([
    { day: "2026-11-22", sum: null },
    { day: "2026-11-23", sum },
    { day: "2026-11-24", sum: null },
  ]);
});
