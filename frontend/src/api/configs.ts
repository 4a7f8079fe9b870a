/** Configs and estimates: what is read of them, and what is done to them. */

import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { data } from "./client";
import {
  diffConfigVersions,
  estimateFit,
  type FitRequest,
  getConfig,
  listConfigs,
  listConfigVersions,
  listPresets,
} from "./gen";

const PAGE_SIZE = 1000;

export const configKeys = {
  all: ["configs"] as const,
  one: (name: string) => ["configs", name] as const,
  versions: (name: string) => ["configs", name, "versions"] as const,
  diff: (name: string, from: number, to: number) => ["configs", name, "diff", from, to] as const,
};

export const configsQuery = queryOptions({
  queryKey: configKeys.all,
  queryFn: async ({ signal }) =>
    (await data(listConfigs({ query: { limit: PAGE_SIZE }, signal }))).items,
});

export const configQuery = (name: string) =>
  queryOptions({
    queryKey: configKeys.one(name),
    queryFn: ({ signal }) => data(getConfig({ path: { name }, signal })),
  });

export const versionsQuery = (name: string) =>
  queryOptions({
    queryKey: configKeys.versions(name),
    queryFn: async ({ signal }) =>
      (await data(listConfigVersions({ path: { name }, query: { limit: PAGE_SIZE }, signal })))
        .items,
  });

export const diffQuery = (name: string, from: number, to: number) =>
  queryOptions({
    queryKey: configKeys.diff(name, from, to),
    queryFn: ({ signal }) =>
      data(diffConfigVersions({ path: { name }, query: { from, to }, signal })),
    staleTime: Number.POSITIVE_INFINITY,
  });

export const presetsQuery = (model: string) =>
  queryOptions({
    queryKey: ["presets", model],
    queryFn: async ({ signal }) =>
      (await data(listPresets({ ...(model ? { query: { model } } : {}), signal }))).items,
    staleTime: 60_000,
  });

/** Asked anew whenever the settings change; the former answer stays until the next is there. */
export const fitQuery = (asked: FitRequest) =>
  queryOptions({
    queryKey: ["fit", asked],
    queryFn: ({ signal }) => data(estimateFit({ body: asked, signal })),
    enabled: asked.model !== "",
    placeholderData: keepPreviousData,
    staleTime: 10_000,
    retry: false,
  });
