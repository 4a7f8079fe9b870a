/** Figures over time: what is asked for a chart. */

import { queryOptions } from "@tanstack/react-query";
import { data } from "./client";
import { type MetricAnswer, queryMetrics } from "./gen";

export interface Question {
  figure: string;
  function?: "value" | "rate" | "quantile" | "mean";
  quantile?: number;
  by?: readonly string[];
  deployment?: string;
  node?: string;
}

/** Short spans move with every sample; of a week nothing new is seen within a minute. */
export function everyMs(range: string): number {
  if (range.endsWith("d")) return 60_000;
  return range === "15m" || range === "1h" ? 2_000 : 15_000;
}

function isSame([, range, , questions]: readonly unknown[], asked: readonly unknown[]): boolean {
  return JSON.stringify([range, questions]) === JSON.stringify(asked);
}

/** The answers to `questions`, in their order. A span that ends now is asked for again. */
export const metricsQuery = (questions: readonly Question[], range: string, points: number) =>
  queryOptions({
    queryKey: ["metrics", range, points, questions],
    queryFn: ({ signal }): Promise<MetricAnswer[]> =>
      Promise.all(
        questions.map(({ figure, quantile, by, deployment, node, ...rest }) =>
          data(
            queryMetrics({
              query: {
                figure,
                range,
                points,
                ...(rest.function ? { function: rest.function } : {}),
                ...(quantile === undefined ? {} : { quantile }),
                ...(by ? { by: by.length > 0 ? [...by] : [""] } : {}),
                ...(deployment ? { deployment: [deployment] } : {}),
                ...(node ? { node: [node] } : {}),
              },
              signal,
            }),
          ),
        ),
      ),
    enabled: points > 0,
    // Of another width the same is shown meanwhile; of other questions, nothing is.
    placeholderData: (before, query) =>
      query && isSame(query.queryKey, [range, questions]) ? before : undefined,
    refetchInterval: everyMs(range),
  });
