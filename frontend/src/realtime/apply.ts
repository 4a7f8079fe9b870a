/** Applies events of the stream to the query cache. Pure but for the cache that it is given. */

import type { QueryClient } from "@tanstack/react-query";
import type { Download } from "@/api/gen";
import { modelKeys } from "@/api/models";
import { keys } from "@/api/queries";
import type { Deployment, Operation } from "@/api/types";
import type { EventName } from "./connection";

const OPERATIONS_KEPT = 100;

/** Whether `next` may replace `held`: events and answers can cross on the way. */
export function isNewer(
  next: { updated_at: string },
  held: { updated_at: string } | undefined,
): boolean {
  return held === undefined || Date.parse(next.updated_at) >= Date.parse(held.updated_at);
}

/** Returns `list` with every deployment of `changes` put in; the same array where nothing changed. */
export function mergeDeployments(
  list: readonly Deployment[],
  changes: readonly Deployment[],
): readonly Deployment[] {
  const byName = new Map(list.map((d) => [d.name, d]));
  let changed = false;
  for (const d of changes) {
    const held = byName.get(d.name);
    if (held && held.uid === d.uid && !isNewer(d, held)) continue;
    byName.set(d.name, d);
    changed = true;
  }
  return changed ? [...byName.values()] : list;
}

/** Newest first, as the server lists them. */
export function mergeOperations(
  list: readonly Operation[],
  changes: readonly Operation[],
): Operation[] {
  const byId = new Map(list.map((o) => [o.id, o]));
  for (const o of changes) if (isNewer(o, byId.get(o.id))) byId.set(o.id, o);
  return [...byId.values()]
    .sort((a, b) => b.created_at.localeCompare(a.created_at))
    .slice(0, OPERATIONS_KEPT);
}

/** Newest first, as the server lists them. */
export function mergeDownloads(
  list: readonly Download[],
  changes: readonly Download[],
): readonly Download[] {
  const byId = new Map(list.map((d) => [d.id, d]));
  for (const d of changes) if (isNewer(d, byId.get(d.id))) byId.set(d.id, d);
  return [...byId.values()].sort((a, b) => b.created_at.localeCompare(a.created_at));
}

export interface StreamEvent {
  name: EventName;
  data: unknown;
}

function applySnapshot(client: QueryClient, data: Partial<Record<string, unknown>>): void {
  const deployments = data.deployments as Deployment[] | undefined;
  if (deployments) {
    client.setQueryData(keys.deployments, deployments);
    for (const d of deployments) patchDetail(client, d);
  }
  const downloads = data.downloads as Download[] | undefined;
  if (downloads) applyDownloads(client, downloads);
  const operations = data.operations as Operation[] | undefined;
  if (operations) {
    client.setQueryData(keys.operations, (held: Operation[] | undefined) =>
      mergeOperations(held ?? [], operations),
    );
  }
}

/** What came is shown at once; what ended has changed what lies on the disk. */
function applyDownloads(client: QueryClient, downloads: readonly Download[]): void {
  client.setQueryData(modelKeys.downloads, (held: readonly Download[] | undefined) =>
    held ? mergeDownloads(held, downloads) : undefined,
  );
  if (downloads.some((d) => d.state === "succeeded"))
    void client.invalidateQueries({ queryKey: modelKeys.library });
}

function patchDetail(client: QueryClient, d: Deployment): void {
  client.setQueryData(keys.deployment(d.name), (held: Deployment | undefined) => {
    if (held === undefined) return undefined;
    if (held.phase !== d.phase || held.attempt !== d.attempt || held.generation !== d.generation) {
      void client.invalidateQueries({ queryKey: keys.events(d.name) });
      void client.invalidateQueries({ queryKey: keys.replicas(d.name) });
      void client.invalidateQueries({ queryKey: keys.attempts(d.name) });
    }
    return held.uid !== d.uid || isNewer(d, held) ? d : held;
  });
}

function applyDeleted(client: QueryClient, name: string): void {
  client.setQueryData(keys.deployments, (held: Deployment[] | undefined) =>
    held?.filter((d) => d.name !== name),
  );
  void client.invalidateQueries({ queryKey: keys.deployment(name) });
}

/** Applies one batch, in order, with one write to the list whatever the size of the batch. */
export function applyEvents(client: QueryClient, events: readonly StreamEvent[]): void {
  let deployments: Deployment[] = [];
  let operations: Operation[] = [];
  let downloads: Download[] = [];
  const flush = () => {
    const [ds, os] = [deployments, operations];
    if (downloads.length > 0) applyDownloads(client, downloads);
    deployments = [];
    operations = [];
    downloads = [];
    if (ds.length > 0) {
      client.setQueryData(keys.deployments, (held: readonly Deployment[] | undefined) =>
        held ? mergeDeployments(held, ds) : undefined,
      );
      for (const d of ds) patchDetail(client, d);
    }
    if (os.some((o) => o.kind.startsWith("model.") && o.finished_at))
      void client.invalidateQueries({ queryKey: modelKeys.library });
    if (os.length > 0) {
      client.setQueryData(keys.operations, (held: Operation[] | undefined) =>
        held ? mergeOperations(held, os) : undefined,
      );
    }
  };
  for (const { name, data } of events) {
    if (name === "deployment") deployments.push(data as Deployment);
    else if (name === "operation") operations.push(data as Operation);
    else if (name === "download") downloads.push(data as Download);
    else if (name === "snapshot") {
      flush();
      applySnapshot(client, (data ?? {}) as Record<string, unknown>);
    } else if (name === "deployment_deleted") {
      flush();
      applyDeleted(client, (data as { name: string }).name);
    }
  }
  flush();
}
