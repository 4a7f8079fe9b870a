import { HttpResponse, http } from "msw";
import { afterEach, expect, test } from "vitest";
import { aDeployment, aProblem } from "@/test/samples";
import { api, server } from "@/test/server";
import "./client";
import { createDeployment } from "./actions";
import { ApiError } from "./problem";
import { deploymentsQuery } from "./queries";
import { rememberSession } from "./session";

afterEach(() => rememberSession(null));

const read = () =>
  (deploymentsQuery.queryFn as (c: { signal: AbortSignal }) => Promise<unknown[]>)({
    signal: new AbortController().signal,
  });

test("unsafe calls carry the CSRF token and the idempotency key", async () => {
  rememberSession({ csrf_token: "abc" });
  let headers = new Headers();
  server.use(
    http.post(api("/deployments"), ({ request }) => {
      headers = request.headers;
      return HttpResponse.json({ deployment: aDeployment(), operation: {} }, { status: 202 });
    }),
  );
  await createDeployment(aDeployment().spec, "key-1");
  expect([headers.get("x-csrf-token"), headers.get("idempotency-key")]).toEqual(["abc", "key-1"]);
});

test("reading needs no token, and follows every page", async () => {
  rememberSession({ csrf_token: "abc" });
  const tokens: (string | null)[] = [];
  server.use(
    http.get(api("/deployments"), ({ request }) => {
      tokens.push(request.headers.get("x-csrf-token"));
      const second = new URL(request.url).searchParams.get("cursor") === "next";
      const name = second ? "b" : "a";
      return HttpResponse.json({
        items: [aDeployment({ name })],
        next_cursor: second ? null : "next",
      });
    }),
  );
  expect(await read()).toHaveLength(2);
  expect(tokens).toEqual([null, null]);
});

test("a refusal becomes the problem that the server sent", async () => {
  server.use(
    http.get(api("/deployments"), () =>
      HttpResponse.json(aProblem({ status: 503, code: "busy" }), { status: 503 }),
    ),
  );
  const error = await read().catch((e: unknown) => e);
  expect(error).toBeInstanceOf(ApiError);
  expect((error as ApiError).problem.code).toBe("busy");
});
