import { expect, test } from "vitest";
import type { LogLine } from "@/api/types";
import { LogRing } from "./ring";

const line = (number: number, replica = "r1", second = number): LogLine =>
  ({
    number,
    at: `2026-11-23T10:00:${String(second).padStart(2, "0")}.000Z`,
    replica,
    attempt: 1,
    stream: "stderr",
    text: `line ${number}`,
  }) as LogLine;
const numbers = (ring: LogRing) => ring.all.map((l) => `${l.replica}:${l.number}`);

test("a line that comes by page and by stream is held once", () => {
  const ring = new LogRing();
  ring.append([line(1), line(2)]);
  expect(ring.append([line(2), line(3)])).toBe(true);
  expect(ring.append([line(3)])).toBe(false);
  expect(numbers(ring)).toEqual(["r1:1", "r1:2", "r1:3"]);
});

test("the oldest lines make room for the newest", () => {
  const ring = new LogRing(3);
  ring.append([1, 2, 3, 4, 5].map((n) => line(n)));
  expect(numbers(ring)).toEqual(["r1:3", "r1:4", "r1:5"]);
  expect(ring.prepend([line(2)])).toBe(false);
});

test("older pages go in front, and replicas are interleaved by time", () => {
  const ring = new LogRing();
  ring.append([line(5)]);
  ring.prepend([line(3), line(4)]);
  ring.append([line(1, "r2", 4)]);
  expect(numbers(ring)).toEqual(["r1:3", "r1:4", "r2:1", "r1:5"]);
});
