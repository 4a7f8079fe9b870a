import { expect, test } from "vitest";
import { inUse } from "./figures";

test("what is in use is known only where both ends are", () => {
  expect(inUse(10, 4)).toBe(6);
  expect(inUse(10, null)).toBeNull();
  expect(inUse(null, 4)).toBeNull();
});
