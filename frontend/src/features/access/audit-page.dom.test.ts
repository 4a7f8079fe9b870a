import { expect, test } from "vitest";
import { actionName, actionWords, filterOf } from "./audit-page";

test("an action is looked for as it is read", () => {
  expect(actionName("revoke key")).toBe("revokeKey");
  expect(actionName(" revokeKey ")).toBe("revokeKey");
  expect(actionWords(actionName("remove installation limits"))).toBe("remove installation limits");
});

test("what is not filled in narrows nothing; the last day counts whole", () => {
  const nothing = { actor: " ", action: "", subject: "", from: "", to: "" };
  expect(filterOf(nothing)).toEqual({});
  const { from = "", to = "" } = filterOf({ ...nothing, from: "2026-11-23", to: "2026-11-23" });
  expect(new Date(from)).toEqual(new Date("2026-11-23T00:00"));
  expect(new Date(to)).toEqual(new Date("2026-11-24T00:00"));
});
