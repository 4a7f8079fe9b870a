import { expect, test } from "vitest";
import { compact } from "./figures";
import { obstaclesOf } from "./obstacles";

const fine = {
  gate: "open",
  supported: true,
  needs_own_code: false,
  has_safetensors: true,
} as const;

test("what is not known is no obstacle", () => {
  expect(obstaclesOf(fine)).toEqual([]);
  const unknown = { gate: null, supported: null, needs_own_code: null, has_safetensors: null };
  expect(obstaclesOf(unknown)).toEqual([]);
});

test("each obstacle has its words", () => {
  expect(obstaclesOf({ ...fine, gate: "manual", supported: false })).toEqual([
    "licence to accept",
    "not in this vLLM",
  ]);
});

test("counts are short, and unknown is no number", () => {
  expect(compact(8_030_000_000)).toBe("8B");
  expect(compact(null)).toBe("–");
});
