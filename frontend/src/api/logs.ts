/** The product's log, and the tries of a deployment: what is read of them. */

import { queryOptions } from "@tanstack/react-query";
import { data } from "./client";
import { type LogAttempt, type LogEntry, listLogAttempts, listLogs } from "./gen";
import { keys } from "./queries";

export type { LogAttempt, LogEntry };

export interface ProductLogFilter {
  q?: string | undefined;
  process?: string | undefined;
  level?: string | undefined;
  request?: string | undefined;
  deployment?: string | undefined;
}

function wanted(filter: ProductLogFilter): Record<string, string> {
  const named = {
    q: filter.q,
    process: filter.process,
    level: filter.level,
    request_id: filter.request,
    deployment: filter.deployment,
  };
  return Object.fromEntries(
    Object.entries(named).filter((pair): pair is [string, string] => Boolean(pair[1])),
  );
}

export interface ProductLogPage {
  /** Oldest first. */
  entries: LogEntry[];
  older: string | null;
}

/** Reads the newest entries before the cursor, or those since a moment. */
export async function fetchProductLog(
  filter: ProductLogFilter,
  where: { cursor?: string; from?: string; limit: number },
  signal: AbortSignal,
): Promise<ProductLogPage> {
  const { process, ...rest } = wanted(filter);
  const query = { ...rest, ...where, ...(process ? { process: [process] } : {}) };
  const page = await data(listLogs({ query, signal }));
  return { entries: page.items.reverse(), older: page.next_cursor ?? null };
}

/** Where the browser fetches the same as a file. */
export function productLogFile(filter: ProductLogFilter): string {
  return `/api/v1/logs/download?${new URLSearchParams(wanted(filter))}`;
}

const ATTEMPTS_EVERY_MS = 5_000;

/** A try ends by itself, and the next begins: asked for again while somebody looks. */
export const attemptsQuery = (name: string) =>
  queryOptions({
    queryKey: keys.attempts(name),
    queryFn: async ({ signal }) => (await data(listLogAttempts({ path: { name }, signal }))).items,
    refetchInterval: ATTEMPTS_EVERY_MS,
  });

/** Where the browser fetches a deployment's output, whole, of one try, or the lines with `q`. */
export function logFile(name: string, attempt: LogAttempt | null, q: string): string {
  const query: Record<string, string> = {
    ...(attempt
      ? {
          replica: attempt.replica,
          attempt: String(attempt.attempt),
          generation: String(attempt.generation),
        }
      : {}),
    ...(q ? { q } : {}),
  };
  return `/api/v1/deployments/${encodeURIComponent(name)}/logs/download?${new URLSearchParams(query)}`;
}
