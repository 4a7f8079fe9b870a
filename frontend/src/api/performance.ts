/** What slows a deployment down, asked for when somebody wants to know. */

import { queryOptions } from "@tanstack/react-query";
import { data } from "./client";
import { getPerformance } from "./gen";

export const performanceQuery = (name: string) =>
  queryOptions({
    queryKey: ["performance", name],
    queryFn: ({ signal }) => data(getPerformance({ path: { name }, signal })),
  });
