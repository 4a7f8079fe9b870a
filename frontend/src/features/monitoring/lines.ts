/** From answers to lines on one axis of time, and to the figures of a table. Pure. */

import type { MetricAnswer } from "@/api/gen";
import { brief, bytes, count, rate, UNKNOWN } from "@/components/format";
import { monitoringWords as w } from "@/strings/monitoring";

export interface Line {
  name: string;
  /** One for each moment of the axis; null is a gap. */
  values: (number | null)[];
  /** The highest within each step, where that is known; else the values. */
  highest: (number | null)[];
  staleSince: string | null;
}

export interface Lines {
  /** Seconds since 1970, rising. */
  times: number[];
  lines: Line[];
  unit: string;
  /** The span that was asked for, in seconds since 1970; null: nothing was answered. */
  span: [number, number] | null;
  /** Every line is stale, since then. */
  staleSince: string | null;
}

/** What tells a series from the others: the values of its labels, less those that all share. */
function nameOf(labels: Record<string, string>, shared: ReadonlySet<string>): string {
  const own = Object.entries(labels).filter(([name, value]) => value && !shared.has(name));
  return own.map(([, value]) => value).join(" · ");
}

/** The labels that have the same value everywhere: they tell nothing apart. */
function sharedLabels(all: readonly Record<string, string>[]): Set<string> {
  const [first] = all;
  if (first === undefined || all.length < 2) return new Set();
  return new Set(
    Object.keys(first).filter((name) => all.every((labels) => labels[name] === first[name])),
  );
}

export function toLines(
  answers: readonly MetricAnswer[],
  names: readonly (string | undefined)[],
): Lines {
  const all = answers.flatMap((answer) => answer.series);
  const times = [...new Set(all.flatMap((s) => s.points.map(([at]) => at)))].sort((a, b) => a - b);
  const place = new Map(times.map((at, n) => [at, n]));
  const shared = sharedLabels(all.map((s) => s.labels));
  const lines = answers.flatMap((answer, n) =>
    answer.series.map((series) => {
      const values: (number | null)[] = new Array(times.length).fill(null);
      const highest: (number | null)[] = new Array(times.length).fill(null);
      series.points.forEach(([at, value], k) => {
        const here = place.get(at) ?? 0;
        values[here] = value;
        highest[here] = series.highest?.[k] ?? value;
      });
      const parts = [nameOf(series.labels, shared), names[n]].filter(Boolean);
      return {
        name: parts.join(" · ") || w.all,
        values,
        highest,
        staleSince: series.stale_since ?? null,
      };
    }),
  );
  const stale = answers.map((answer) => answer.stale_since ?? null);
  const isStale = stale.length > 0 && stale.every((since) => since !== null);
  return {
    times,
    lines: lines.filter((line) => line.values.some((value) => value !== null)),
    unit: answers[0]?.unit ?? "count",
    span: answers[0]
      ? [Date.parse(answers[0].from) / 1000, Date.parse(answers[0].to) / 1000]
      : null,
    staleSince: isStale ? (stale.sort().at(-1) ?? null) : null,
  };
}

/** The places of values without a neighbour: no line is drawn through one alone, so a point is. */
export function loneOf(values: ArrayLike<number | null | undefined>): number[] {
  return Array.from(values).flatMap((value, n) =>
    value != null && values[n - 1] == null && values[n + 1] == null ? [n] : [],
  );
}

/** The same, none of it known since `at` (milliseconds since 1970): nobody could read it anew. */
export function allStale(lines: Lines, at: number): Lines {
  const since = new Date(at).toISOString();
  return {
    ...lines,
    lines: lines.lines.map((line) => ({ ...line, staleSince: line.staleSince ?? since })),
    staleSince: lines.staleSince ?? since,
  };
}

export interface Row {
  name: string;
  last: number | null;
  lowest: number | null;
  mean: number | null;
  highest: number | null;
}

export function toRow(line: Line): Row {
  const known = line.values.filter((value): value is number => value !== null);
  const peaks = line.highest.filter((value): value is number => value !== null);
  if (known.length === 0)
    return { name: line.name, last: null, lowest: null, mean: null, highest: null };
  return {
    name: line.name,
    last: line.staleSince ? null : (known.at(-1) ?? null),
    lowest: Math.min(...known),
    mean: known.reduce((sum, value) => sum + value, 0) / known.length,
    highest: Math.max(...peaks),
  };
}

const small = new Intl.NumberFormat("en", { maximumSignificantDigits: 2 });

/** A value of a chart in its unit. */
export function inUnit(value: number | null | undefined, unit: string): string {
  if (value == null) return UNKNOWN;
  if (unit === "bytes") return bytes(value);
  if (unit === "bytes_per_second") return `${bytes(value)}/s`;
  if (unit === "ratio") return `${rate(value * 100)} %`;
  if (unit === "seconds") return brief(value);
  if (unit === "celsius") return `${count(value)} °C`;
  if (unit === "watts") return `${count(value)} W`;
  return value !== 0 && Math.abs(value) < 0.1 ? small.format(value) : rate(value);
}

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

/** Moments below a chart: the time of day, or the day where they lie days apart. */
export function momentsOf(ticks: readonly number[]): string[] {
  const [first = 0, second = first] = ticks;
  const words = second - first >= 86_400 ? day : clock;
  return ticks.map((at) => words.format(at * 1000));
}
