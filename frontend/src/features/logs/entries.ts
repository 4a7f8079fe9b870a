/** The entries of the product's log that the page holds, and the rows that it draws of them. */

import type { LogEntry } from "@/api/logs";

export const MOST_ENTRIES = 50_000;

/** One drawn row: an entry's own line, or a further line of its exception. */
export interface Row {
  entry: LogEntry;
  text: string;
  isFirst: boolean;
}

/** Adds entries, oldest first, each once; beyond the most, those at the other end are let go of. */
export function merged(
  held: readonly LogEntry[],
  more: readonly LogEntry[],
  end: "newer" | "older",
): readonly LogEntry[] {
  const known = new Set(held.map((e) => e.id));
  const fresh = more.filter((e) => !known.has(e.id));
  if (fresh.length === 0) return held;
  if (end === "older") return [...fresh, ...held].slice(0, MOST_ENTRIES);
  return [...held, ...fresh].slice(-MOST_ENTRIES);
}

export function rowsOf(entries: readonly LogEntry[]): Row[] {
  return entries.flatMap((entry) => [
    { entry, text: entry.message, isFirst: true },
    ...(entry.exception?.split("\n") ?? []).map((text) => ({ entry, text, isFirst: false })),
  ]);
}

export function asText(entries: readonly LogEntry[]): string {
  return rowsOf(entries)
    .map(({ entry, text, isFirst }) =>
      isFirst
        ? [entry.time, entry.level?.toUpperCase(), entry.process, text, entry.request_id]
            .filter(Boolean)
            .join(" ")
        : text,
    )
    .join("\n");
}
