import { describe, expect, test } from "vitest";
import type { TimelineStep } from "@/api/types";
import { advance, headline, remainingSeconds, segments, startWords } from "./timeline";

const timeline: TimelineStep[] = [
  { phase: "starting", state: "done", seconds: 3.4, expected_seconds: 3.1 },
  { phase: "loading", state: "running", seconds: 18, expected_seconds: 44 },
  { phase: "warming", state: "expected", seconds: null, expected_seconds: 1 },
];

describe("the phase timeline", () => {
  test("tells measured from expected", () => {
    expect(segments(timeline, null).map((s) => s.figure)).toEqual([
      "3.4 s",
      "18 s of ~44 s",
      "~1 s",
    ]);
  });

  test("fills by progress where it is known, else by time, and never quite to the end", () => {
    expect(segments(timeline, 0.41).map((s) => s.filled)).toEqual([1, 0.41, 0]);
    const late = advance(timeline, 100);
    expect(segments(late, null)[1]?.filled).toBe(0.97);
  });

  test("says nothing of a length that nobody knows", () => {
    const unknown: TimelineStep[] = [
      { phase: "loading", state: "running", seconds: 2, expected_seconds: null },
    ];
    expect(segments(unknown, null)[0]).toMatchObject({ filled: null, figure: "2 s" });
    expect(remainingSeconds(unknown)).toBeNull();
    expect(headline({ phase: "loading" }, unknown)).toBe("Getting ready");
  });

  test("says how the engine was started, and why so", () => {
    expect(startWords({ how: "warm" })).toBe("warm start");
    expect(startWords({ how: "cold", how_reason: "the warmer was restarting" })).toBe(
      "cold start: the warmer was restarting",
    );
    expect(startWords({ how: null })).toBeNull();
  });

  test("says when it will be ready, and afterwards how long it took", () => {
    expect(headline({ phase: "loading" }, timeline)).toBe("Ready in about 27 s");
    const done = timeline.map((s) => ({ ...s, state: "done" as const, seconds: 2 }));
    expect(headline({ phase: "ready" }, done)).toBe("Ready after 6 s");
  });
});
