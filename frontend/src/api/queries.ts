/** What is read from the server, and under which key it is kept. The event stream patches the same keys. */

import { queryOptions } from "@tanstack/react-query";
import { data } from "./client";
import {
  getDeployment,
  getMe,
  listDeploymentEvents,
  listDeployments,
  listEngineArguments,
  listLogLines,
  listOperations,
  listReplicas,
  login as loginCall,
  logout as logoutCall,
} from "./gen";
import { isRefusal } from "./problem";
import { rememberSession } from "./session";
import type { Deployment, LogLine, Session } from "./types";

export const keys = {
  me: ["me"] as const,
  deployments: ["deployments"] as const,
  deployment: (name: string) => ["deployment", name] as const,
  replicas: (name: string) => ["replicas", name] as const,
  events: (name: string) => ["events", name] as const,
  attempts: (name: string) => ["log-attempts", name] as const,
  operations: ["operations"] as const,
  engineArguments: ["engine-arguments"] as const,
};

const PAGE_SIZE = 500;
const OPERATIONS_KEPT = 100;

export const retry = (failures: number, error: unknown): boolean =>
  failures < 2 && !isRefusal(error);

async function allDeployments(signal: AbortSignal): Promise<Deployment[]> {
  const all: Deployment[] = [];
  let cursor: string | undefined;
  do {
    const page = await data(
      listDeployments({ query: { limit: PAGE_SIZE, ...(cursor ? { cursor } : {}) }, signal }),
    );
    all.push(...page.items);
    cursor = page.next_cursor ?? undefined;
  } while (cursor);
  return all;
}

export const meQuery = queryOptions({
  queryKey: keys.me,
  queryFn: async ({ signal }) => {
    const session = await data(getMe({ signal }));
    rememberSession(session);
    return session;
  },
  staleTime: 300_000,
  retry,
});

export const deploymentsQuery = queryOptions({
  queryKey: keys.deployments,
  queryFn: ({ signal }) => allDeployments(signal),
});

export const deploymentQuery = (name: string) =>
  queryOptions({
    queryKey: keys.deployment(name),
    queryFn: ({ signal }) => data(getDeployment({ path: { name }, signal })),
  });

export const operationsQuery = queryOptions({
  queryKey: keys.operations,
  queryFn: async ({ signal }) =>
    (await data(listOperations({ query: { limit: OPERATIONS_KEPT }, signal }))).items,
});

export const replicasQuery = (name: string) =>
  queryOptions({
    queryKey: keys.replicas(name),
    queryFn: async ({ signal }) => (await data(listReplicas({ path: { name }, signal }))).items,
  });

export const eventsQuery = (name: string) =>
  queryOptions({
    queryKey: keys.events(name),
    queryFn: async ({ signal }) =>
      (await data(listDeploymentEvents({ path: { name }, query: { limit: 200 }, signal }))).items,
  });

export const engineArgumentsQuery = queryOptions({
  queryKey: keys.engineArguments,
  queryFn: async ({ signal }) => (await data(listEngineArguments({ signal }))).items,
  staleTime: Number.POSITIVE_INFINITY,
});

export interface LinesWanted {
  /** Of this try alone. */
  attempt: { replica: string; attempt: number; generation: number } | null;
  /** Text in the line; empty: all. */
  q: string;
  /** A cursor that an earlier page gave. */
  before: string | null;
  limit: number;
}

/** One page of log lines, oldest first. */
export async function fetchLogs(
  name: string,
  { attempt: of, q, before, limit }: LinesWanted,
  signal: AbortSignal,
): Promise<{ lines: LogLine[]; before: string | null }> {
  const query = {
    limit,
    ...(before ? { before } : {}),
    ...(q ? { q } : {}),
    ...(of ? { replica: of.replica, attempt: of.attempt, generation: of.generation } : {}),
  };
  const page = await data(listLogLines({ path: { name }, query, signal }));
  return { lines: page.items, before: page.next_cursor ?? null };
}

export async function login(username: string, password: string): Promise<Session> {
  const session = await data(loginCall({ body: { username, password } }));
  rememberSession(session);
  return session;
}

export async function logout(): Promise<void> {
  await logoutCall();
  rememberSession(null);
}
