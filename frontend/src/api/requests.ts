/** Requests to models, one by one, and the captures of their bodies. */

import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { data } from "./client";
import { getRequest, type ListRequestsData, listCaptures, listRequests } from "./gen";

export const requestKeys = {
  all: ["requests"] as const,
  captures: ["captures"] as const,
};

export type RequestSearch = Pick<
  NonNullable<ListRequestsData["query"]>,
  "deployment" | "state" | "status" | "user" | "key" | "cursor"
>;

export const MOST_SHOWN = 100;
const EVERY_MS = 1_000;
const CAPTURES_EVERY_MS = 5_000;

/** Read again every second while the page is looked at. */
export const requestsQuery = (search: RequestSearch) =>
  queryOptions({
    queryKey: [...requestKeys.all, search],
    queryFn: ({ signal }) =>
      data(listRequests({ query: { ...search, limit: MOST_SHOWN }, signal })),
    refetchInterval: EVERY_MS,
    placeholderData: keepPreviousData,
    staleTime: 0,
  });

/** One request, read again every second until it has ended. */
export const requestQuery = (request_id: string) =>
  queryOptions({
    queryKey: ["request", request_id],
    queryFn: ({ signal }) => data(getRequest({ path: { request_id }, signal })),
    refetchInterval: (query) => (query.state.data?.is_active === false ? false : EVERY_MS),
    staleTime: 0,
  });

export const capturesQuery = queryOptions({
  queryKey: requestKeys.captures,
  queryFn: async ({ signal }) => (await data(listCaptures({ signal }))).items,
  refetchInterval: CAPTURES_EVERY_MS,
});
