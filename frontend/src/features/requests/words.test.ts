import { expect, test } from "vitest";
import type { RequestView } from "@/api/gen";
import { mayCancel, stateWords, tokensOf, toneOf, whoOf } from "./words";

const REQUEST: RequestView = {
  id: "req_1",
  deployment: "demo",
  model: "demo",
  replica: "r1",
  path: "/v1/chat/completions",
  stream: true,
  state: "decode",
  is_active: true,
  is_current: true,
  is_cancelling: false,
  status: null,
  status_class: null,
  started_at: "2026-11-23T10:00:00Z",
  seconds: 4.2,
  ttft_seconds: 0.2,
  tokens_per_second: 31.5,
  prompt_tokens: null,
  completion_tokens: 1260,
  cached_tokens: null,
  user: "usr_1",
  user_name: "ada",
  team: null,
  key: "key_1",
  key_name: "laptop",
  key_last_four: "x9Qa",
  key_class: "user",
  client: "10.0.0.7",
  worker: 1,
  has_bodies: false,
};

test("what nobody knows for sure is grey, and says so", () => {
  expect([toneOf(REQUEST, false), stateWords(REQUEST, false)]).toEqual(["working", "decode"]);
  expect([toneOf(REQUEST, true), stateWords(REQUEST, true)]).toEqual(["idle", "decode?"]);
  const silent = { ...REQUEST, is_current: false };
  expect([toneOf(silent, false), stateWords(silent, false)]).toEqual(["idle", "decode?"]);
});

test("whose it is, is told by name and by the end of the key", () => {
  expect(whoOf(REQUEST)).toBe("ada · laptop …x9Qa");
  expect(whoOf({ ...REQUEST, key: null, key_class: "session" })).toBe("ada · login");
  expect(tokensOf(REQUEST)).toBe("– → 1,260");
});

test("operators cancel any, members their own, viewers none, and nobody what is over", () => {
  expect(mayCancel(REQUEST, "operator", "usr_2")).toBe(true);
  expect(mayCancel(REQUEST, "member", "usr_1")).toBe(true);
  expect(mayCancel(REQUEST, "member", "usr_2")).toBe(false);
  expect(mayCancel(REQUEST, "viewer", "usr_1")).toBe(false);
  expect(mayCancel({ ...REQUEST, is_active: false }, "operator", "usr_2")).toBe(false);
  expect(mayCancel({ ...REQUEST, is_cancelling: true }, "operator", "usr_2")).toBe(false);
});
