import { expect, test } from "vitest";
import type { Download } from "@/api/gen";
import { paceOf, shareOf, toneOf, verbsOf } from "./pace";

const GIB = 1024 ** 3;
const running = {
  state: "running",
  stalled: false,
  bytes_done: GIB,
  bytes_total: 4 * GIB,
  bytes_per_second: 0,
  eta_seconds: null,
} as Download;

test("a speed that fell to nothing is shown as nothing, without a time that is left", () => {
  expect(paceOf(running)).toBe("1 GiB of 4 GiB · 0 B/s");
});

test("what is not running has no speed", () => {
  expect(paceOf({ ...running, state: "paused" })).toBe("1 GiB of 4 GiB");
  expect(paceOf({ ...running, state: "succeeded" })).toBe("4 GiB");
});

test("an unknown size has no share", () => {
  expect(shareOf(running)).toBe(0.25);
  expect(shareOf({ bytes_done: 5, bytes_total: null })).toBeNull();
});

test("a stalled download is a warning, whatever its state says", () => {
  expect(toneOf({ state: "running", stalled: true })).toBe("warning");
  expect(toneOf({ state: "running", stalled: false })).toBe("working");
});

test("what has ended well needs no verb", () => {
  expect(verbsOf({ state: "succeeded" })).toEqual([]);
  expect(verbsOf({ state: "failed" })).toContain("retry");
});
