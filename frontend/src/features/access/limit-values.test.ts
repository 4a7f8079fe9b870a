import { expect, test } from "vitest";
import { isBad, limitsOf, limitWords, NO_TEXTS, textsOf } from "./limit-values";

const SOME = {
  requests_per_minute: 60,
  tokens_per_minute: null,
  concurrent_requests: null,
  tokens_per_day: 1_000_000,
  tokens_per_month: null,
};

test("figures come back from a form as they went in", () => {
  expect(limitsOf(textsOf(SOME))).toEqual(SOME);
});

test("separators of thousands are understood", () => {
  expect(limitsOf({ ...NO_TEXTS, tokens_per_minute: "1,000 000" })?.tokens_per_minute).toBe(
    1_000_000,
  );
});

test.each(["0", "-1", "1.5", "ten", "1e3"])("%s is no limit", (text) => {
  expect(isBad(text)).toBe(true);
  expect(limitsOf({ ...NO_TEXTS, tokens_per_day: text })).toBeNull();
});

test("only what is limited is put into words", () => {
  expect(limitWords(SOME)).toEqual(["60 requests/min", "1,000,000 tokens/day"]);
});
