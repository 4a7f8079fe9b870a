/** Users, teams, keys, limits, usage and the audit log: what is read of them. */

import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { data } from "./client";
import {
  getEffectiveLimits,
  getLink,
  type ListUsageData,
  listAudit,
  listInvitations,
  listKeys,
  listLimits,
  listPrices,
  listSessions,
  listTeams,
  listUsage,
  listUserSessions,
  listUsers,
} from "./gen";
import { everyPage } from "./pages";

const PAGE_SIZE = 1000;

export const accessKeys = {
  users: ["users"] as const,
  teams: ["teams"] as const,
  keys: ["keys"] as const,
  limits: ["limits"] as const,
  sessions: ["sessions"] as const,
  invitations: ["invitations"] as const,
  usage: ["usage"] as const,
  prices: ["prices"] as const,
  audit: ["audit"] as const,
};

export const usersQuery = queryOptions({
  queryKey: accessKeys.users,
  queryFn: ({ signal }) =>
    everyPage((cursor) => data(listUsers({ query: { limit: PAGE_SIZE, ...cursor }, signal }))),
});

export const teamsQuery = queryOptions({
  queryKey: accessKeys.teams,
  queryFn: ({ signal }) =>
    everyPage((cursor) => data(listTeams({ query: { limit: PAGE_SIZE, ...cursor }, signal }))),
});

export const keysQuery = queryOptions({
  queryKey: accessKeys.keys,
  queryFn: ({ signal }) =>
    everyPage((cursor) => data(listKeys({ query: { limit: PAGE_SIZE, ...cursor }, signal }))),
});

export const limitsQuery = queryOptions({
  queryKey: accessKeys.limits,
  queryFn: ({ signal }) =>
    everyPage((cursor) => data(listLimits({ query: { limit: PAGE_SIZE, ...cursor }, signal }))),
});

/** Every limit that requests with a key fall under, with what is used of it. */
export const effectiveLimitsQuery = (key: string) =>
  queryOptions({
    queryKey: [...accessKeys.limits, "effective", key],
    queryFn: ({ signal }) => data(getEffectiveLimits({ query: { key }, signal })),
  });

export const invitationsQuery = queryOptions({
  queryKey: accessKeys.invitations,
  queryFn: async ({ signal }) => (await data(listInvitations({ signal }))).items,
});

export const userSessionsQuery = (user_id: string) =>
  queryOptions({
    queryKey: [...accessKeys.sessions, user_id],
    queryFn: async ({ signal }) =>
      (await data(listUserSessions({ path: { user_id }, signal }))).items,
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

/** Sums of the days since `from` and before `to` (RFC 3339), by one thing. */
export const usageQuery = (
  group: UsageGroup,
  times: { from: string; to?: string },
  only: UsageOnly,
) =>
  queryOptions({
    queryKey: [...accessKeys.usage, group, times, only],
    queryFn: ({ signal }) =>
      everyPage((cursor) =>
        data(
          listUsage({
            query: { group_by: [group], ...times, ...only, limit: PAGE_SIZE, ...cursor },
            signal,
          }),
        ),
      ),
    refetchInterval: 15_000,
  });

export const pricesQuery = queryOptions({
  queryKey: accessKeys.prices,
  queryFn: ({ signal }) =>
    everyPage((cursor) => data(listPrices({ query: { limit: PAGE_SIZE, ...cursor }, signal }))),
});

export type AuditFilter = Partial<Record<"actor" | "action" | "subject" | "from" | "to", string>>;

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
