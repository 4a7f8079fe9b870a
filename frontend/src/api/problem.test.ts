import { describe, expect, test } from "vitest";
import { aProblem } from "@/test/samples";
import { ApiError, describeProblem, isUnauthorized, problemOf, toProblem } from "./problem";

const answer = (status: number, headers: Record<string, string> = {}) =>
  new Response(null, { status, headers });

describe("whatever goes wrong has one shape", () => {
  test("the server's problem details are kept as they are", () => {
    const given = aProblem({ code: "name_taken" });
    expect(problemOf(given, answer(422))).toMatchObject({
      code: "name_taken",
      request_id: "req_1",
    });
  });

  test("an answer of a proxy keeps its status, its request id and its Retry-After", () => {
    const p = problemOf("<html>", answer(503, { "x-request-id": "r9", "retry-after": "7" }));
    expect(p).toMatchObject({
      status: 503,
      request_id: "r9",
      retry_after_seconds: 7,
      retryable: true,
    });
  });

  test("OpenAI's shape is read too", () => {
    const p = problemOf(
      { error: { message: "No such model", code: "model_not_found" } },
      answer(404),
    );
    expect(p).toMatchObject({ code: "model_not_found", detail: "No such model", status: 404 });
  });

  test("a failure of the network says what to check", () => {
    expect(toProblem(new TypeError("Failed to fetch"))).toMatchObject({ code: "unreachable" });
    const bug = new TypeError("Cannot read properties of undefined (reading 'map')");
    expect(toProblem(bug).code).not.toBe("unreachable");
  });
});

test("401 is told from other refusals", () => {
  expect(isUnauthorized(new ApiError(aProblem({ status: 401 })))).toBe(true);
  expect(isUnauthorized(new ApiError(aProblem({ status: 403 })))).toBe(false);
});

test("the copied details hold fields, evidence, what to do, and the request", () => {
  const text = describeProblem(
    aProblem({
      errors: [{ field: "name", message: "taken", suggestion: null }],
      causes: [{ message: "why", evidence: "the line" }],
      remediation: [{ label: "Free the port", action: "none", arguments: {} }],
    }),
  );
  for (const part of ["name: taken", "the line", "Free the port", "req_1", "422"])
    expect(text).toContain(part);
});
