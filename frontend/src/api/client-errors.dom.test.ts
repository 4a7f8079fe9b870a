import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type ClientError, ErrorReporter } from "./client-errors";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

function reporting(isTaken = true) {
  const sent: ClientError[][] = [];
  const reporter = new ErrorReporter(async (errors) => {
    sent.push(errors);
    return isTaken;
  });
  return { sent, reporter };
}

test("errors go out together, each once with its count", async () => {
  const { sent, reporter } = reporting();
  for (let n = 0; n < 5; n++) reporter.report("uncaught", new Error("the same"));
  reporter.report("request", "GET /x answered 500", "req_1");
  await vi.advanceTimersByTimeAsync(2_000);
  expect(sent).toHaveLength(1);
  expect(sent[0]?.map((e) => [e.kind, e.message, e.count, e.request_id])).toEqual([
    ["uncaught", "Error: the same", 5, undefined],
    ["request", "GET /x answered 500", 1, "req_1"],
  ]);
});

test("a storm is cut to so many a minute", async () => {
  const { sent, reporter } = reporting();
  for (let n = 0; n < 500; n++) {
    reporter.report("uncaught", `error ${n}`);
    await vi.advanceTimersByTimeAsync(100);
  }
  expect(sent.flat().length).toBeLessThanOrEqual(20);
  await vi.advanceTimersByTimeAsync(60_000);
  reporter.report("uncaught", "later");
  await vi.advanceTimersByTimeAsync(2_000);
  expect(sent.flat().at(-1)?.message).toBe("later");
});

test("what can't be told is kept for later, bounded, and makes no error of its own", async () => {
  let fails = true;
  const sent: ClientError[][] = [];
  const reporter = new ErrorReporter(async (errors) => {
    if (fails) throw new TypeError("Failed to fetch");
    sent.push(errors);
    return true;
  });
  reporter.report("stream", "lost");
  await vi.advanceTimersByTimeAsync(2_000);
  fails = false;
  await vi.advanceTimersByTimeAsync(30_000);
  expect(sent.flat().map((e) => e.message)).toEqual(["lost"]);
});

test("long texts are cut and odd ids left out", async () => {
  const { sent, reporter } = reporting();
  reporter.report("request", "x".repeat(5_000), "not an id\n");
  await vi.advanceTimersByTimeAsync(2_000);
  expect(sent[0]?.[0]?.message).toHaveLength(1_000);
  expect(sent[0]?.[0]).not.toHaveProperty("request_id");
});
