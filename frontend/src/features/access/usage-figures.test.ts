import { expect, test } from "vitest";
import type { Usage } from "@/api/gen";
import { allRefused, heights, money } from "./usage-figures";

const SUM = {
  requests: 12,
  ok: 6,
  client_errors: 2,
  server_errors: 1,
  client_left: 1,
  cancelled: 2,
  limited: 5,
  turned_away: 3,
  refused: 1,
  prompt_tokens: 100,
  completion_tokens: 40,
  latency_p50_seconds: 1,
  latency_p95_seconds: 4,
  ttft_p50_seconds: null,
  ttft_p95_seconds: null,
  cost: null,
} as Usage;

test("parts add up to the whole", () => {
  expect(heights("tokens", SUM)).toEqual([100, 40]);
  expect(heights("requests", SUM).reduce((a, b) => a + b)).toBe(SUM.requests);
});

test("what was refused is beside the requests", () => {
  expect(allRefused(SUM)).toBe(9);
});

test("shares of time reach up to their own value", () => {
  expect(heights("latency", SUM)).toEqual([1, 3]);
});

test("what is not known has no height", () => {
  expect(heights("ttft", SUM)).toEqual([0, 0]);
  expect(heights("cost", SUM)).toEqual([0]);
  expect(heights("tokens", null)).toEqual([0, 0]);
});

test("money is shown as exactly as it is small, and unknown money as unknown", () => {
  expect(money(1234.5, "USD")).toBe("$1,234.50");
  expect(money(0.0021, "EUR")).toBe("€0.0021");
  expect(money(0, "USD")).toBe("$0.00");
  expect(money(null, null)).toBe("–");
});
