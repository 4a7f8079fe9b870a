/** What needs attention, times of quiet, and who is told: what is read of them. */

import { queryOptions } from "@tanstack/react-query";
import { data } from "./client";
import {
  type ListAlertsData,
  listAlertRules,
  listAlerts,
  listReceivers,
  listSilences,
} from "./gen";

export type AlertState = NonNullable<NonNullable<ListAlertsData["query"]>["state"]>;

export const alertKeys = {
  alerts: ["alerts"] as const,
  silences: ["alerts", "silences"] as const,
  receivers: ["alerts", "receivers"] as const,
};

/** The newest of those that are over; of those on, there are never so many. */
export const MOST_ALERTS = 200;

/** Alerts begin and end by themselves: they are asked for again while somebody looks. */
const EVERY_MS = 5_000;

export const alertsQuery = (state: AlertState) =>
  queryOptions({
    queryKey: [...alertKeys.alerts, state],
    queryFn: async ({ signal }) =>
      (await data(listAlerts({ query: { state, limit: MOST_ALERTS }, signal }))).items,
    refetchInterval: EVERY_MS,
  });

export const silencesQuery = queryOptions({
  queryKey: alertKeys.silences,
  queryFn: async ({ signal }) => (await data(listSilences({ signal }))).items,
  refetchInterval: EVERY_MS,
});

export const receiversQuery = queryOptions({
  queryKey: alertKeys.receivers,
  queryFn: async ({ signal }) => (await data(listReceivers({ signal }))).items,
  refetchInterval: EVERY_MS,
});

export const alertRulesQuery = queryOptions({
  queryKey: ["alerts", "rules"],
  queryFn: async ({ signal }) => (await data(listAlertRules({ signal }))).items,
  staleTime: Number.POSITIVE_INFINITY,
});
