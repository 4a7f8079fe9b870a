/** The entries of the product's log that the page holds, and the rows that it draws of them. */

import type { LogEntry } from "@/api/logs";
import { productLog } from "@/strings/logs";

export const MOST_ENTRIES = 50_000;

/** One drawn row: an entry's own line, or a further line of its exception. */
export interface Row {
  entry: LogEntry;
  text: string;
  isFirst: boolean;
}

/** Lines of other machines come late: this far back is asked again. */
const LATE_MS = 10_000;

/** From when to ask next: a while before the newest line, or where the log was empty, before the asking. */
export function sinceOf(newest: string | null, known: string | null, asked: string): string {
  if (newest === null) return known ?? new Date(Date.parse(asked) - LATE_MS).toISOString();
  const at = new Date(Date.parse(newest) - LATE_MS).toISOString();
  return known !== null && known > at ? known : at;
}

const GAP = "gap/";

export const isGap = (entry: LogEntry): boolean => entry.id.startsWith(GAP);

/** Puts a row in front that says that lines are missing there. */
export function gapBefore(entries: LogEntry[]): LogEntry[] {
  const [first] = entries;
  if (first === undefined) return entries;
  const gap = { id: `${GAP}${first.id}`, time: first.time, process: "", message: productLog.gap };
  return [gap, ...entries];
}

const isBefore = (a: LogEntry, b: LogEntry): boolean =>
  (Date.parse(a.time) - Date.parse(b.time) || a.time.localeCompare(b.time)) < 0;

/** Puts newer lines behind those held; one that came late stands where its time belongs. */
function inOrder(held: readonly LogEntry[], fresh: readonly LogEntry[]): readonly LogEntry[] {
  const [first] = fresh;
  if (first === undefined) return held;
  const kept = held.findLastIndex((entry) => !isBefore(first, entry)) + 1;
  const [late, all] = [held.slice(kept), held.slice(0, kept)];
  for (const entry of fresh) {
    for (let next = late[0]; next !== undefined && isBefore(next, entry); next = late[0])
      all.push(...late.splice(0, 1));
    all.push(entry);
  }
  return [...all, ...late];
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
  return inOrder(held, fresh).slice(-MOST_ENTRIES);
}

export function rowsOf(entries: readonly LogEntry[]): Row[] {
  return entries.flatMap((entry) => [
    { entry, text: entry.message, isFirst: true },
    ...(entry.exception?.split("\n") ?? []).map((text) => ({ entry, text, isFirst: false })),
  ]);
}

/** What else a line tells: whom it is about, and its further members, as `name=value`. */
export function membersOf(entry: LogEntry): string {
  const { deployment, replica, phase } = entry;
  const about = entry.process === "engine" ? {} : { deployment, replica, phase };
  return Object.entries({ ...about, ...entry.fields })
    .filter(([, value]) => value !== null && value !== undefined && value !== "")
    .map(([name, value]) => `${name}=${typeof value === "object" ? JSON.stringify(value) : value}`)
    .join(" ");
}

export function asText(entries: readonly LogEntry[]): string {
  return rowsOf(entries)
    .map(({ entry, text, isFirst }) =>
      isFirst
        ? [
            entry.time,
            entry.level?.toUpperCase(),
            entry.process,
            text,
            membersOf(entry),
            entry.request_id,
          ]
            .filter(Boolean)
            .join(" ")
        : text,
    )
    .join("\n");
}
