/** Users, teams, keys, limits, usage and the audit log: what is read of them. */

import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { data } from "./client";
import {
  getLink,
  type ListUsageData,
  listAudit,
  listKeys,
  listLimits,
  listPrices,
  listSessions,
  listTeams,
  listUsage,
  listUsers,
} from "./gen";

const PAGE_SIZE = 1000;

export const accessKeys = {
  users: ["users"] as const,
  teams: ["teams"] as const,
  keys: ["keys"] as const,
  limits: ["limits"] as const,
  sessions: ["sessions"] as const,
  usage: ["usage"] as const,
  prices: ["prices"] as const,
  audit: ["audit"] as const,
};

export const usersQuery = queryOptions({
  queryKey: accessKeys.users,
  queryFn: async ({ signal }) =>
    (await data(listUsers({ query: { limit: PAGE_SIZE }, signal }))).items,
});

export const teamsQuery = queryOptions({
  queryKey: accessKeys.teams,
  queryFn: async ({ signal }) =>
    (await data(listTeams({ query: { limit: PAGE_SIZE }, signal }))).items,
});

export const keysQuery = queryOptions({
  queryKey: accessKeys.keys,
  queryFn: async ({ signal }) =>
    (await data(listKeys({ query: { limit: PAGE_SIZE }, signal }))).items,
});

export const limitsQuery = queryOptions({
  queryKey: accessKeys.limits,
  queryFn: async ({ signal }) =>
    (await data(listLimits({ query: { limit: PAGE_SIZE }, signal }))).items,
});

export const sessionsQuery = queryOptions({
  queryKey: accessKeys.sessions,
  queryFn: async ({ signal }) => (await data(listSessions({ signal }))).items,
});

export const linkQuery = (token: string) =>
  queryOptions({
    queryKey: ["link", token],
    queryFn: ({ signal }) => data(getLink({ headers: { "X-Link-Token": token }, signal })),
    enabled: token !== "",
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
  });

type UsageGroup = NonNullable<NonNullable<ListUsageData["query"]>["group_by"]>[number];

/** Whose usage alone counts: ids, of models the name; empty: of what has none. */
export type UsageOnly = Pick<
  NonNullable<ListUsageData["query"]>,
  "model" | "key" | "user" | "team"
>;

/** Sums of the days since `from` (RFC 3339), by one thing. */
export const usageQuery = (group: UsageGroup, from: string, only: UsageOnly) =>
  queryOptions({
    queryKey: [...accessKeys.usage, group, from, only],
    queryFn: async ({ signal }) =>
      (
        await data(
          listUsage({ query: { group_by: [group], from, ...only, limit: PAGE_SIZE }, signal }),
        )
      ).items,
    placeholderData: (before, query) => (query?.queryKey[1] === group ? before : undefined),
    refetchInterval: 15_000,
  });

export const pricesQuery = queryOptions({
  queryKey: accessKeys.prices,
  queryFn: async ({ signal }) =>
    (await data(listPrices({ query: { limit: PAGE_SIZE }, signal }))).items,
});

export interface AuditFilter {
  actor?: string;
  action?: string;
}

export const auditQuery = (filter: AuditFilter) =>
  infiniteQueryOptions({
    queryKey: [...accessKeys.audit, filter],
    queryFn: ({ signal, pageParam }) =>
      data(
        listAudit({
          query: { ...filter, limit: 100, ...(pageParam ? { cursor: pageParam } : {}) },
          signal,
        }),
      ),
    initialPageParam: "",
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: keepPreviousData,
  });
