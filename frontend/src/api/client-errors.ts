/**
 * Tells the server what went wrong in this page: in batches, the same as one with its count, few a
 * minute. What could not be told is tried again, as far as there is room; that it failed is not told.
 */

import { csrf } from "./session";

export type ErrorKind = "uncaught" | "rejection" | "request" | "stream" | "render";

export interface ClientError {
  kind: ErrorKind;
  message: string;
  stack?: string;
  page?: string;
  request_id?: string;
  count: number;
}

const BATCH_MS = 2_000;
const RETRY_MS = 30_000;
const MOST_WAITING = 20;
const MOST_IN_A_BATCH = 10;
const MOST_A_MINUTE = 20;
const MINUTE_MS = 60_000;
const ID = /^[A-Za-z0-9._:-]{1,64}$/;

/** Sends a batch; false where it should be tried again later. */
type Send = (errors: ClientError[]) => Promise<boolean>;

export class ErrorReporter {
  private waiting: ClientError[] = [];
  private timer: ReturnType<typeof setTimeout> | undefined;
  private told = 0;
  private since = 0;

  constructor(
    private readonly send: Send,
    private readonly now: () => number = Date.now,
  ) {}

  /** Notes an error. The same one again only grows the count of the first until it is sent. */
  report(kind: ErrorKind, error: unknown, requestId?: string | null): void {
    const next = described(kind, error, requestId);
    const same = this.waiting.find(
      (e) => e.kind === next.kind && e.message === next.message && e.page === next.page,
    );
    if (same) same.count = Math.min(same.count + 1, 10_000);
    else if (this.waiting.length < MOST_WAITING && this.mayTell()) this.waiting.push(next);
    if (this.waiting.length > 0) this.later(BATCH_MS);
  }

  private mayTell(): boolean {
    const now = this.now();
    if (now - this.since >= MINUTE_MS) {
      this.since = now;
      this.told = 0;
    }
    this.told += 1;
    return this.told <= MOST_A_MINUTE;
  }

  private later(ms: number): void {
    this.timer ??= setTimeout(() => void this.flush(), ms);
  }

  private async flush(): Promise<void> {
    const batch = this.waiting.slice(0, MOST_IN_A_BATCH);
    this.waiting = this.waiting.slice(MOST_IN_A_BATCH);
    const isTaken = await this.send(batch).catch(() => false);
    this.timer = undefined;
    if (!isTaken) this.waiting = [...batch, ...this.waiting].slice(0, MOST_WAITING);
    if (this.waiting.length > 0) this.later(isTaken ? BATCH_MS : RETRY_MS);
  }
}

function described(kind: ErrorKind, error: unknown, requestId?: string | null): ClientError {
  const isError = error instanceof Error;
  const message = (isError ? `${error.name}: ${error.message}` : String(error)).slice(0, 1000);
  return {
    kind,
    message: message || kind,
    ...(isError && error.stack ? { stack: error.stack.slice(0, 4000) } : {}),
    page: window.location.pathname.slice(0, 200),
    ...(requestId && ID.test(requestId) ? { request_id: requestId } : {}),
    count: 1,
  };
}

/** By a call of its own: the generated client reports its failures here. */
async function post(errors: ClientError[]): Promise<boolean> {
  const token = csrf();
  if (!token) return true; // nobody is logged in, so nobody would listen
  const answer = await fetch("/api/v1/client-errors", {
    method: "POST",
    credentials: "same-origin",
    headers: { "Content-Type": "application/json", "X-CSRF-Token": token },
    body: JSON.stringify({ errors }),
  });
  return answer.status < 500;
}

const reporter = new ErrorReporter(post);

export function reportError(kind: ErrorKind, error: unknown, requestId?: string | null): void {
  reporter.report(kind, error, requestId);
}

/** Listens for what nobody caught. */
export function watchErrors(): void {
  window.addEventListener("error", (event) =>
    reportError("uncaught", event.error ?? event.message),
  );
  window.addEventListener("unhandledrejection", (event) => reportError("rejection", event.reason));
}
