/** Configures the generated client: CSRF on unsafe methods, and one kind of error. */

import { reportError } from "./client-errors";
import { client } from "./gen/client.gen";
import { ApiError, problemOf } from "./problem";
import { csrf, sessionLost } from "./session";

const SAFE = new Set(["GET", "HEAD", "OPTIONS"]);

client.setConfig({
  baseUrl: window.location.origin,
  credentials: "same-origin",
  throwOnError: true,
});

client.interceptors.request.use((request) => {
  const token = csrf();
  if (token && !SAFE.has(request.method)) request.headers.set("X-CSRF-Token", token);
  return request;
});

/** What the server answers wrongly, or not at all; a refusal is no error of the page's. */
function reportFailed(request: Request | undefined, response: Response | undefined): void {
  if (response && response.status < 500) return;
  const what = request ? `${request.method} ${new URL(request.url).pathname}` : "A request";
  const how = response ? `answered ${response.status}` : "was not answered";
  reportError("request", `${what} ${how}`, response?.headers.get("x-request-id"));
}

client.interceptors.error.use((error, response, request) => {
  if (!request?.signal.aborted) reportFailed(request, response);
  // A failure of the network has no response and is left as it is.
  if (!response) return error;
  if (response.status === 401) sessionLost();
  return new ApiError(problemOf(error, response));
});

/** Unwraps the generated client's answer; failures were thrown already. */
export async function data<T>(answer: Promise<{ data?: T }>): Promise<T> {
  return (await answer).data as T;
}
