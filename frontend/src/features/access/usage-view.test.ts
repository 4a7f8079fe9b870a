import { expect, test } from "vitest";
import { dayEnd } from "./days";
import { exportAddress, onlyOf, readUsageView } from "./usage-view";

test("an address is read as far as it makes sense", () => {
  expect(readUsageView({ days: 90, by: "user", show: "cost", model: "demo", key: "" })).toEqual({
    days: "90",
    by: "user",
    show: "cost",
    model: "demo",
    key: "",
  });
  expect(readUsageView({ until: "2026-11-24" })).toEqual({ until: "2026-11-24" });
  expect(readUsageView({ until: "2026-13-99", days: "8", by: "day", show: 3, other: "x" })).toEqual(
    {},
  );
});

test("a span may end before today", () => {
  const times = { from: "2026-11-01T00:00:00.000Z", to: dayEnd("2026-11-24") };
  expect(times.to).toBe("2026-11-25T00:00:00.000Z");
  expect(exportAddress("user", times, {})).toContain("&to=2026-11-25T00%3A00%3A00.000Z");
});

test("what alone counts goes along to the table", () => {
  const only = onlyOf({ days: "7", model: "a/b", key: "" });
  expect(only).toEqual({ model: "a/b", key: "" });
  expect(exportAddress("user", { from: "2026-11-01T00:00:00.000Z" }, only)).toBe(
    "/api/v1/usage/export?group_by=user&group_by=day&from=2026-11-01T00%3A00%3A00.000Z&model=a%2Fb&key=",
  );
});
