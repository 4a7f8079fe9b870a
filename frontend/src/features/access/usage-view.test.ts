import { expect, test } from "vitest";
import { exportAddress, onlyOf, readUsageView } from "./usage-view";

test("an address is read as far as it makes sense", () => {
  expect(readUsageView({ days: 90, by: "user", show: "cost", model: "demo", key: "" })).toEqual({
    days: "90",
    by: "user",
    show: "cost",
    model: "demo",
    key: "",
  });
  expect(readUsageView({ days: "8", by: "day", show: 3, other: "x" })).toEqual({});
});

test("what alone counts goes along to the table", () => {
  const only = onlyOf({ days: "7", model: "a/b", key: "" });
  expect(only).toEqual({ model: "a/b", key: "" });
  expect(exportAddress("user", "2026-11-01T00:00:00.000Z", only)).toBe(
    "/api/v1/usage/export?group_by=user&group_by=day&from=2026-11-01T00%3A00%3A00.000Z&model=a%2Fb&key=",
  );
});
