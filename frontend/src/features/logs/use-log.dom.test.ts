import { expect, test } from "vitest";
import type { LogAttempt } from "@/api/logs";
import type { LogLine } from "@/api/types";
import { isWanted } from "./use-log";

const line = (more: Partial<LogLine> = {}): LogLine => ({
  at: "2026-11-23T10:00:00Z",
  attempt: 1,
  number: 1,
  replica: "r1",
  stream: "stdout",
  text: "INFO \u001b[32mLoading\u001b[0m weights",
  ...more,
});
const attempt = { replica: "r1", attempt: 1, state: "running" } as LogAttempt;

test("of the stream, the lines of the chosen try alone are shown", () => {
  expect(isWanted(line(), attempt, "")).toBe(true);
  expect(isWanted(line({ replica: "r2" }), attempt, "")).toBe(false);
  expect(isWanted(line({ attempt: 2 }), attempt, "")).toBe(false);
  expect(isWanted(line({ attempt: 2 }), null, "")).toBe(true);
});

test("a try that has ended gets no line of a later start with the same number", () => {
  expect(isWanted(line(), { ...attempt, state: "failed" }, "")).toBe(false);
});

test("a line matches by what is read, whatever its colours and case", () => {
  expect(isWanted(line(), null, "loading WEIGHTS")).toBe(true);
  expect(isWanted(line(), null, "[32m")).toBe(false);
});
