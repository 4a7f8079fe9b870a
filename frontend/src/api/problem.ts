/** Turns whatever went wrong into one shape: the server's problem details, or as much as is known. */

import type { ProblemDetails } from "./types";

export class ApiError extends Error {
  constructor(readonly problem: ProblemDetails) {
    super(problem.detail);
    this.name = "ApiError";
  }
}

function problem(
  code: string,
  title: string,
  detail: string,
  more: Partial<ProblemDetails> = {},
): ProblemDetails {
  return {
    type: `urn:vllm-manager:problem:${code}`,
    title,
    status: 0,
    detail,
    code,
    ...more,
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/** The shape under `/v1`: `{"error": {"message", "type", "code"}}`. */
function fromOpenAi(error: Record<string, unknown>, status: number): ProblemDetails {
  const code = typeof error.code === "string" ? error.code : String(error.type ?? "error");
  return problem(code, "The model did not answer", String(error.message ?? code), { status });
}

function isProblem(body: Record<string, unknown>): boolean {
  return typeof body.title === "string" && typeof body.detail === "string";
}

/** Reads an answer that is not a success. */
export function problemOf(body: unknown, response: Response): ProblemDetails {
  const requestId = response.headers.get("x-request-id");
  const retryAfter = Number(response.headers.get("retry-after") ?? Number.NaN);
  const extra: Partial<ProblemDetails> = {
    status: response.status,
    request_id: requestId,
    retry_after_seconds: Number.isFinite(retryAfter) ? retryAfter : null,
  };
  if (isRecord(body)) {
    if (isProblem(body)) {
      const given = body as unknown as ProblemDetails;
      return {
        ...given,
        status: given.status ?? response.status,
        request_id: given.request_id ?? requestId,
        retry_after_seconds: given.retry_after_seconds ?? extra.retry_after_seconds,
      };
    }
    if (isRecord(body.error)) return { ...fromOpenAi(body.error, response.status), ...extra };
  }
  return problem(
    "unexpected_answer",
    `The server answered ${response.status}`,
    response.status >= 500
      ? "The server could not handle the request. Try again; if it stays, look at the server's log."
      : "The server refused the request without saying why.",
    { ...extra, retryable: response.status >= 500 },
  );
}

/** What Chromium, Firefox and Safari say of a request that did not get through. */
const UNREACHED = /failed to fetch|networkerror|load failed|network/i;

/** Reads anything thrown: an `ApiError`, a network failure, a bug of ours. */
export function toProblem(error: unknown): ProblemDetails {
  if (error instanceof ApiError) return error.problem;
  if (error instanceof TypeError && UNREACHED.test(error.message)) {
    return problem(
      "unreachable",
      "The server can't be reached",
      "The request did not get through. Check that vLLM Manager is running and that you are connected.",
      { retryable: true },
    );
  }
  const detail = error instanceof Error ? error.message : String(error);
  return problem(
    "interface_error",
    "Something went wrong in this page",
    `${detail}. That is a fault of ours: reload the page, and report the details if it stays.`,
  );
}

export function isUnauthorized(error: unknown): boolean {
  return error instanceof ApiError && error.problem.status === 401;
}

export function isNotFound(error: unknown): boolean {
  return error instanceof ApiError && error.problem.status === 404;
}

/** A refusal: asking again gets the same answer. */
export function isRefusal(error: unknown): boolean {
  if (!(error instanceof ApiError)) return false;
  const { status } = error.problem;
  return status >= 400 && status < 500 && status !== 408 && status !== 429;
}

/** Everything worth pasting into a report, as text. */
export function describeProblem(p: ProblemDetails): string {
  const lines = [`${p.title} (${p.code}, ${p.status})`, p.detail];
  for (const e of p.errors ?? []) lines.push(`- ${e.field}: ${e.message}`);
  for (const c of p.causes ?? [])
    lines.push(`cause: ${c.message}`, ...(c.evidence ? [c.evidence] : []));
  for (const r of p.remediation ?? []) lines.push(`to do: ${r.label}`);
  if (p.request_id) lines.push(`request ${p.request_id}`);
  return lines.join("\n");
}
