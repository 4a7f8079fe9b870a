import { HttpResponse, http } from "msw";
import { expect, test } from "vitest";
import { ApiError } from "@/api/problem";
import { rememberSession } from "@/api/session";
import { server } from "@/test/server";
import { readPiece, splitEvents, streamChat } from "./stream";

const CHAT = "http://127.0.0.1:8800/v1/chat/completions";
const request = { model: "demo", messages: [], temperature: 0, max_tokens: 8 };

test("events come whole out of pieces", () => {
  expect(splitEvents('data: {"a":1}\r\n\r\ndata: [DO')).toEqual({
    data: ['{"a":1}'],
    rest: "data: [DO",
  });
  expect(splitEvents(": comment\n\nevent: x\ndata: 1\ndata: 2\n\n")).toEqual({
    data: ["1\n2"],
    rest: "",
  });
});

test("a chunk of usage alone has no text", () => {
  expect(readPiece({ choices: [], usage: { completion_tokens: 12 } })).toEqual({
    text: "",
    tokens: 12,
    finish: null,
  });
});

test("a reply streams with the CSRF token of the login", async () => {
  rememberSession({ csrf_token: "token-1" });
  let sent: string | null = null;
  server.use(
    http.post(CHAT, ({ request: r }) => {
      sent = r.headers.get("x-csrf-token");
      const text =
        'data: {"choices":[{"delta":{"content":"Hel"}}]}\n\n' +
        'data: {"choices":[{"delta":{"content":"lo"},"finish_reason":"stop"}],"usage":{"completion_tokens":2}}\n\n' +
        "data: [DONE]\n\n";
      return new HttpResponse(text, { headers: { "content-type": "text/event-stream" } });
    }),
  );
  const pieces = [];
  for await (const piece of streamChat(request, new AbortController().signal)) pieces.push(piece);
  expect(pieces.map((p) => p.text).join("")).toBe("Hello");
  expect(pieces.at(-1)).toMatchObject({ tokens: 2, finish: "stop" });
  expect(sent).toBe("token-1");
});

test("a model that is still starting says so in the engine's own words", async () => {
  server.use(
    http.post(CHAT, () =>
      HttpResponse.json(
        {
          error: {
            message: "demo is starting: loading",
            type: "not_ready",
            code: "model_not_ready",
          },
        },
        { status: 503, headers: { "retry-after": "5" } },
      ),
    ),
  );
  const failure = await streamChat(request, new AbortController().signal)
    .next()
    .catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(ApiError);
  expect((failure as ApiError).problem).toMatchObject({
    status: 503,
    detail: "demo is starting: loading",
    retry_after_seconds: 5,
  });
});
