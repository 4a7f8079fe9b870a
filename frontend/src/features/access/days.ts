/** Days of UTC for the picture of usage. */

const DAY_MS = 86_400_000;

export interface Day<T> {
  day: string;
  /** Null: nothing was asked. */
  sum: T | null;
}

/** The first moment of the day that is `count - 1` days before today. */
export function spanStart(count: number, nowMs: number): string {
  const today = Math.floor(nowMs / DAY_MS) * DAY_MS;
  return new Date(today - (count - 1) * DAY_MS).toISOString();
}

/** The first moment after a day: `2026-11-24`. */
export function dayEnd(day: string): string {
  return new Date(Date.parse(day) + DAY_MS).toISOString();
}

/** Each day of the span in its order. */
export function daysOf<T extends { day?: string | null }>(
  sums: readonly T[],
  from: string,
  count: number,
): Day<T>[] {
  const known = new Map(sums.map((sum) => [sum.day, sum]));
  const start = Date.parse(from);
  return Array.from({ length: count }, (_, n) => {
    const day = new Date(start + n * DAY_MS).toISOString().slice(0, 10);
    return { day, sum: known.get(day) ?? null };
  });
}
