/** Days of UTC for the picture of usage. */

const DAY_MS = 86_400_000;

export interface Day {
  day: string;
  prompt: number;
  completion: number;
}

interface Sum {
  day?: string | null;
  prompt_tokens: number;
  completion_tokens: number;
}

/** The first moment of the day that is `count - 1` days before today. */
export function spanStart(count: number, nowMs: number): string {
  const today = Math.floor(nowMs / DAY_MS) * DAY_MS;
  return new Date(today - (count - 1) * DAY_MS).toISOString();
}

/** Each day of the span in its order; a day that nothing is known of is one without use. */
export function daysOf(sums: readonly Sum[], from: string, count: number): Day[] {
  const known = new Map(sums.map((sum) => [sum.day, sum]));
  const start = Date.parse(from);
  return Array.from({ length: count }, (_, n) => {
    const day = new Date(start + n * DAY_MS).toISOString().slice(0, 10);
    const sum = known.get(day);
    return { day, prompt: sum?.prompt_tokens ?? 0, completion: sum?.completion_tokens ?? 0 };
  });
}
