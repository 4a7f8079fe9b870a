/** What the picture of usage can show: each figure as parts that stand on each other. */

import type { Usage } from "@/api/gen";
import { brief, count, UNKNOWN } from "@/components/format";
import { usage as w } from "@/strings/usage";
import type { Shown } from "./usage-view";

export interface Part {
  label: string;
  /** The colour's class. */
  tone: string;
  /** Null: not known. */
  value: (sum: Usage) => number | null;
}

interface Figure {
  /** From the floor up. Where `nested`, each reaches up to its own value, else they add up. */
  parts: readonly Part[];
  nested?: boolean;
  words: (value: number | null, currency: string | null) => string;
}

/** Money with as many decimals as small sums need. */
export function money(value: number | null, currency: string | null): string {
  if (value === null || !currency) return UNKNOWN;
  const decimals = value !== 0 && Math.abs(value) < 0.1 ? 4 : 2;
  return new Intl.NumberFormat("en", {
    style: "currency",
    currency,
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals,
  }).format(value);
}

/** What the gateway refused itself: no part of the requests. */
export const allRefused = (sum: Usage): number => sum.limited + sum.turned_away + sum.refused;

const shares = (half: "latency_p50_seconds" | "ttft_p50_seconds"): Figure => ({
  parts: [
    { label: w.parts.half, tone: "bg-data-1", value: (sum) => sum[half] },
    {
      label: w.parts.most,
      tone: "bg-data-2",
      value: (sum) =>
        sum[half === "latency_p50_seconds" ? "latency_p95_seconds" : "ttft_p95_seconds"],
    },
  ],
  nested: true,
  words: brief,
});

export const FIGURES: Record<Shown, Figure> = {
  tokens: {
    parts: [
      { label: w.parts.prompt, tone: "bg-data-1", value: (sum) => sum.prompt_tokens },
      { label: w.parts.completion, tone: "bg-data-2", value: (sum) => sum.completion_tokens },
    ],
    words: count,
  },
  requests: {
    parts: [
      { label: w.parts.ok, tone: "bg-data-1", value: (sum) => sum.ok },
      { label: w.parts.left, tone: "bg-data-4", value: (sum) => sum.client_left },
      { label: w.parts.cancelled, tone: "bg-data-3", value: (sum) => sum.cancelled },
      { label: w.parts.clientErrors, tone: "bg-warning", value: (sum) => sum.client_errors },
      { label: w.parts.serverErrors, tone: "bg-failed", value: (sum) => sum.server_errors },
    ],
    words: count,
  },
  cost: {
    parts: [{ label: w.parts.cost, tone: "bg-data-1", value: (sum) => sum.cost }],
    words: money,
  },
  latency: shares("latency_p50_seconds"),
  ttft: shares("ttft_p50_seconds"),
};

/** The heights of a day's parts, from the floor up; together they are the day's own. */
export function heights(shown: Shown, sum: Usage | null): number[] {
  const { parts, nested } = FIGURES[shown];
  const values = parts.map(({ value }) => (sum && value(sum)) ?? 0);
  if (!nested) return values;
  return values.map((value, n) => Math.max(0, value - (n ? (values[n - 1] ?? 0) : 0)));
}
