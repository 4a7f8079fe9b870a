/** Models: on the hub, on their way here, and on disk. */

import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { data } from "./client";
import {
  estimateFit,
  type FitRequest,
  getCatalogModel,
  getModelCard,
  listAdoptableModels,
  listDownloadFiles,
  listDownloads,
  listModelFiles,
  listModels,
  listPopularModels,
  type SearchModelsData,
  searchModels,
} from "./gen";
import { slots } from "./slots";

export const modelKeys = {
  catalog: ["catalog"] as const,
  downloads: ["downloads"] as const,
  library: ["library"] as const,
  adoptable: ["library", "adoptable"] as const,
};

export type ModelSearch = NonNullable<SearchModelsData["query"]>;

const PAGE_SIZE = 30;

export const popularQuery = queryOptions({
  queryKey: [...modelKeys.catalog, "popular"],
  queryFn: ({ signal }) => data(listPopularModels({ query: { limit: PAGE_SIZE }, signal })),
  staleTime: 60_000,
});

export const searchQuery = (search: ModelSearch) =>
  infiniteQueryOptions({
    queryKey: [...modelKeys.catalog, "search", search],
    queryFn: ({ signal, pageParam }) =>
      data(
        searchModels({
          query: { ...search, limit: PAGE_SIZE, ...(pageParam ? { cursor: pageParam } : {}) },
          signal,
        }),
      ),
    initialPageParam: "",
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    staleTime: 60_000,
  });

const at = (revision: string | undefined) => (revision ? { query: { revision } } : {});

export const modelQuery = (repo: string, revision?: string) =>
  queryOptions({
    queryKey: [...modelKeys.catalog, "model", repo, revision],
    queryFn: ({ signal }) => data(getCatalogModel({ path: { repo }, ...at(revision), signal })),
    staleTime: 60_000,
    retry: false,
  });

export const cardQuery = (repo: string, revision?: string) =>
  queryOptions({
    queryKey: [...modelKeys.catalog, "card", repo, revision],
    queryFn: ({ signal }) => data(getModelCard({ path: { repo }, ...at(revision), signal })),
    staleTime: 300_000,
    retry: false,
  });

export const filesQuery = (repo: string, revision?: string) =>
  queryOptions({
    queryKey: [...modelKeys.catalog, "files", repo, revision],
    queryFn: ({ signal }) => data(listModelFiles({ path: { repo }, ...at(revision), signal })),
    staleTime: 300_000,
    retry: false,
  });

/** Ids on the hub that have these words: what a field for a model suggests. */
export const suggestionsQuery = (words: string) =>
  queryOptions({
    queryKey: [...modelKeys.catalog, "suggestions", words],
    queryFn: async ({ signal }) =>
      (await data(searchModels({ query: { q: words, sort: "downloads", limit: 10 }, signal })))
        .items,
    enabled: words.length >= 3,
    placeholderData: keepPreviousData,
    staleTime: 300_000,
    retry: false,
  });

/** A list asks for many estimates, each of which may ask the hub: a few at a time. */
const badgeTurn = slots(4);

/** Whether a model fits with nothing set: the badge of a row. */
export const badgeQuery = (model: string) =>
  queryOptions({
    queryKey: ["fit", "badge", model],
    queryFn: ({ signal }) =>
      badgeTurn(() => data(estimateFit({ body: { model } satisfies FitRequest, signal })), signal),
    staleTime: 300_000,
    retry: false,
  });

export const downloadsQuery = queryOptions({
  queryKey: modelKeys.downloads,
  queryFn: async ({ signal }) =>
    (await data(listDownloads({ query: { limit: 50 }, signal }))).items,
});

const FILES_AT_ONCE = 200;

export const downloadFilesQuery = (download_id: string, isOver: boolean) =>
  infiniteQueryOptions({
    queryKey: [...modelKeys.downloads, download_id, "files"],
    queryFn: ({ signal, pageParam }) =>
      data(
        listDownloadFiles({
          path: { download_id },
          query: { limit: FILES_AT_ONCE, ...(pageParam ? { cursor: pageParam } : {}) },
          signal,
        }),
      ),
    initialPageParam: "",
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    // Every page that is open is read again: the more of them, the more seldom.
    refetchInterval: (query) => (isOver ? false : 2_000 * (query.state.data?.pages.length ?? 1)),
  });

export const libraryQuery = queryOptions({
  queryKey: modelKeys.library,
  queryFn: async ({ signal }) => (await data(listModels({ query: { limit: 1000 }, signal }))).items,
});

export const adoptableQuery = queryOptions({
  queryKey: modelKeys.adoptable,
  queryFn: async ({ signal }) => (await data(listAdoptableModels({ signal }))).items,
});
