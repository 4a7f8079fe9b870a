/** What of a page's state stands in its address, read with care: anyone can type anything there. */

import { SIZES, type Size } from "@/features/models/sizes";
import { RANGES, type Range, VIEWS, type View } from "@/features/monitoring/charts";

const GROUPS = ["ready", "working", "trouble", "stopped"] as const;
export const SORTS = ["name", "state", "model", "replicas", "rate", "queue"] as const;
export const TABS = ["logs", "requests", "replicas", "config", "events"] as const;

export type Group = (typeof GROUPS)[number];
export type Sort = (typeof SORTS)[number];
export type Tab = (typeof TABS)[number];

export interface ListSearch {
  q?: string;
  state?: Group;
  sort?: Sort;
  down?: true;
}

function oneOf<T extends string>(known: readonly T[], value: unknown): T | undefined {
  return known.find((k) => k === value);
}

export function readListSearch(search: Record<string, unknown>): ListSearch {
  const q = search.q == null ? "" : String(search.q);
  return {
    ...(q ? { q } : {}),
    ...(oneOf(GROUPS, search.state) ? { state: oneOf(GROUPS, search.state) } : {}),
    ...(oneOf(SORTS, search.sort) ? { sort: oneOf(SORTS, search.sort) } : {}),
    ...(search.down === true ? { down: true } : {}),
  };
}

export interface DeploymentSearch {
  tab?: Tab;
  /** Whose lines alone the log shows: the incarnation of one try. */
  attempt?: string;
}

export function readDeploymentSearch(search: Record<string, unknown>): DeploymentSearch {
  const tab = oneOf(TABS, search.tab);
  const attempt = search.attempt == null ? "" : String(search.attempt).slice(0, 64);
  return { ...(tab ? { tab } : {}), ...(attempt ? { attempt } : {}) };
}

const MODEL_SORTS = ["trending", "downloads", "likes", "updated"] as const;

export interface ModelsSearch {
  q?: string;
  task?: string;
  license?: string;
  library?: string;
  size?: Size;
  sort?: (typeof MODEL_SORTS)[number];
}

export function readModelsSearch(search: Record<string, unknown>): ModelsSearch {
  const words = (value: unknown) => (value == null ? "" : String(value).slice(0, 200));
  const [q, task, license] = [words(search.q), words(search.task), words(search.license)];
  const library = words(search.library);
  const size = oneOf(SIZES, search.size);
  const sort = oneOf(MODEL_SORTS, search.sort);
  return {
    ...(q ? { q } : {}),
    ...(task ? { task } : {}),
    ...(license ? { license } : {}),
    ...(library ? { library } : {}),
    ...(size ? { size } : {}),
    ...(sort ? { sort } : {}),
  };
}

export interface MonitoringSearch {
  range?: Range;
  view?: View;
  deployment?: string;
  node?: string;
}

export function readMonitoringSearch(search: Record<string, unknown>): MonitoringSearch {
  const range = oneOf(RANGES, search.range);
  const view = oneOf(VIEWS, search.view);
  const words = (value: unknown) => (value == null ? "" : String(value).slice(0, 255));
  const [deployment, node] = [words(search.deployment), words(search.node)];
  return {
    ...(range ? { range } : {}),
    ...(view ? { view } : {}),
    ...(deployment ? { deployment } : {}),
    ...(node ? { node } : {}),
  };
}

export interface LogSearch {
  q?: string;
  process?: string;
  level?: (typeof LEVELS)[number];
  request?: string;
  deployment?: string;
}

const LEVELS = ["debug", "info", "warning", "error"] as const;

export function readLogSearch(search: Record<string, unknown>): LogSearch {
  const words = (value: unknown, most: number) =>
    value == null ? "" : String(value).slice(0, most);
  const [q, process] = [words(search.q, 200), words(search.process, 32)];
  const [request, deployment] = [words(search.request, 64), words(search.deployment, 63)];
  const level = oneOf(LEVELS, search.level);
  return {
    ...(q ? { q } : {}),
    ...(process ? { process } : {}),
    ...(level ? { level } : {}),
    ...(request ? { request } : {}),
    ...(deployment ? { deployment } : {}),
  };
}

/** A branch, tag or commit of a model. */
export function readRevision(search: Record<string, unknown>): { revision?: string } {
  const revision = search.revision == null ? "" : String(search.revision).slice(0, 128);
  return revision ? { revision } : {};
}

/** Where to go after logging in: only an address of this site. */
export function safeNext(next: string | undefined): string {
  return next?.startsWith("/") && !/^\/[/\\]/.test(next) ? next : "/";
}
