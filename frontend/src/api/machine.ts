/** The hub's token, the hardware and the version. */

import { queryOptions } from "@tanstack/react-query";
import { data } from "./client";
import { getHardware, getHubToken, getVersion, listNodes } from "./gen";

export type Scope = "installation" | "user";

export const machineKeys = { token: ["hub-token"] as const };

export const tokenQuery = (scope: Scope) =>
  queryOptions({
    queryKey: [...machineKeys.token, scope],
    queryFn: ({ signal }) => data(getHubToken({ query: { scope }, signal })),
  });

export const hardwareQuery = queryOptions({
  queryKey: ["hardware"],
  queryFn: ({ signal }) => data(getHardware({ signal })),
  refetchInterval: 5_000,
});

export const nodesQuery = queryOptions({
  queryKey: ["nodes"],
  queryFn: async ({ signal }) => (await data(listNodes({ signal }))).items,
  staleTime: 30_000,
});

export const versionQuery = queryOptions({
  queryKey: ["version"],
  queryFn: ({ signal }) => data(getVersion({ signal })),
  staleTime: 300_000,
});
