import { expect, test } from "vitest";
import { age, ago, brief, count, phaseWords, rate, seconds } from "./format";

test("unknown is a dash, and zero is zero", () => {
  expect(count(null)).toBe("–");
  expect(rate(undefined)).toBe("–");
  expect(seconds(null)).toBe("–");
  expect(count(0)).toBe("0");
});

test("figures are grouped, and small rates keep a decimal", () => {
  expect(count(4812)).toBe("4,812");
  expect(rate(3.44)).toBe("3.4");
  expect(rate(142.6)).toBe("143");
});

test("lengths of time read as people say them", () => {
  expect([0.42, 9.96, 62, 59.7, 3600 * 3 + 605].map(seconds)).toEqual([
    "0.4 s",
    "10 s",
    "1 min 02 s",
    "1 min",
    "3 h 10 min",
  ]);
});

test("ages use their largest unit", () => {
  const at = "2026-11-23T10:00:00Z";
  const start = Date.parse(at);
  expect(age(at, start + 1_000)).toBe("now");
  expect(ago(at, start + 42_000)).toBe("42 s ago");
  expect(ago(at, start + 3_600_000 * 5)).toBe("5 h ago");
  // A server a little ahead of this machine's clock must not show a negative age.
  expect(age(at, start - 3_000)).toBe("now");
});

test("a phase says its progress only while it works", () => {
  expect(phaseWords("loading", 0.413)).toBe("loading weights 41 %");
  expect(phaseWords("ready", 0.5)).toBe("ready");
  expect(phaseWords("loading", null)).toBe("loading weights");
});

test("short times are told in milliseconds, and shorter ones in microseconds", () => {
  expect([0, 0.00006, 0.0912, 0.042, 1.24, null].map(brief)).toEqual([
    "0 s",
    "60 µs",
    "91 ms",
    "42 ms",
    "1.2 s",
    "–",
  ]);
});
