/** Filtering and sorting of the list. Pure. */

import type { Deployment } from "@/api/types";
import { toneOf } from "@/components/format";

export interface Row {
  deployment: Deployment;
  /** Output tokens per second; null while unknown. */
  rate: number | null;
}

export interface View {
  q?: string;
  state?: "ready" | "working" | "trouble" | "stopped";
  sort?: "name" | "state" | "model" | "replicas" | "rate" | "queue";
  down?: boolean;
}

const GROUP_OF = {
  ready: "ready",
  working: "working",
  warning: "trouble",
  failed: "trouble",
  idle: "stopped",
} as const;

/** Trouble first: what needs somebody stands above what goes well. */
const WEIGHT = { failed: 0, warning: 1, working: 2, ready: 3, idle: 4 } as const;

const KEYS: Record<NonNullable<View["sort"]>, (r: Row) => string | number> = {
  name: (r) => r.deployment.name,
  state: (r) => WEIGHT[toneOf(r.deployment.phase)],
  model: (r) => r.deployment.spec.model,
  replicas: (r) => r.deployment.replicas_ready,
  rate: (r) => r.rate ?? -1,
  queue: (r) => r.deployment.metrics?.requests_waiting ?? -1,
};

function compare(a: string | number, b: string | number): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), "en", { numeric: true });
}

export function matches(d: Deployment, view: View): boolean {
  if (view.state && GROUP_OF[toneOf(d.phase)] !== view.state) return false;
  const words = (view.q ?? "").toLowerCase().split(/\s+/).filter(Boolean);
  const text = `${d.name} ${d.spec.model} ${d.phase}`.toLowerCase();
  return words.every((word) => text.includes(word));
}

export function arrange(rows: readonly Row[], view: View): Row[] {
  const key = KEYS[view.sort ?? "name"];
  const sign = view.down ? -1 : 1;
  return rows
    .filter((r) => matches(r.deployment, view))
    .sort((a, b) => sign * compare(key(a), key(b)) || compare(KEYS.name(a), KEYS.name(b)));
}
