import { expect, test } from "vitest";
import { may } from "./rights";

test("each role is offered what the server would let it do", () => {
  const rights = ["ask", "operate", "administer"] as const;
  const offered = (role: Parameters<typeof may>[0]) => rights.filter((right) => may(role, right));
  expect(offered("administrator")).toEqual(["ask", "operate", "administer"]);
  expect(offered("operator")).toEqual(["ask", "operate"]);
  expect(offered("member")).toEqual(["ask"]);
  expect(offered("viewer")).toEqual([]);
});
