import { describe, expect, test } from "vitest";
import { type Entry, grow, restore, type Times, turnsOf } from "./conversation";

const piece = (text: string, tokens: number | null = null) => ({ text, tokens, finish: null });

describe("what is measured of a reply", () => {
  test("the first token is timed from sending, the speed from the first token on", () => {
    let reply: Entry = { role: "assistant", content: "" };
    let times: Times = { sentAt: 1_000, firstAt: null, lastAt: null };
    for (const [p, now] of [
      [piece("", 0), 1_010],
      [piece("A", 1), 1_061],
      [piece(" KV", 2), 1_111],
      [piece(" cache", 3), 1_161],
    ] as const) {
      ({ reply, times } = grow(reply, p, times, now));
    }
    expect(reply.content).toBe("A KV cache");
    expect(reply.measured).toEqual({ ttftMs: 61, tokens: 3, rate: 20 });
  });

  test("what the engine does not tell stays unknown", () => {
    const times = { sentAt: 0, firstAt: null, lastAt: null };
    const { reply } = grow({ role: "assistant", content: "" }, piece("x"), times, 50);
    expect(reply.measured).toEqual({ ttftMs: 50, tokens: null, rate: null });
  });
});

test("a reply that failed before its first word is not sent back", () => {
  const entries: Entry[] = [
    { role: "user", content: "a" },
    { role: "assistant", content: "", error: "503" },
    { role: "user", content: "b" },
  ];
  expect(turnsOf(entries, " be brief ").map((t) => t.role)).toEqual(["system", "user", "user"]);
});

test("a broken memory is forgotten", () => {
  const holding = (text: string) => ({ getItem: () => text });
  expect(restore(holding("{"))).toEqual([]);
  expect(restore(holding('[{"id":1,"model":"demo","entries":[]},7,null]'))).toHaveLength(1);
});
