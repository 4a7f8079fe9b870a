/** Tokens per second from the engines' counters, as seen by this page since it was opened. */

import type { Deployment } from "@/api/types";

export const WINDOW_MS = 10_000;
const KEPT_MS = 30_000;

interface Sample {
  at: number;
  total: number;
}

/**
 * Counters of one deployment. A counter holds its value until the next sample, since an unchanged
 * one may not be sent again. A falling one means a new engine: what came before is forgotten.
 */
export class RateMeter {
  private samples: Sample[] = [];

  add(total: number, at: number): void {
    const last = this.samples.at(-1);
    if (last && total < last.total) this.samples = [];
    if (last && total === last.total && this.samples.length > 1) return;
    this.samples.push({ at, total });
    while (this.samples.length > 2 && (this.samples[1]?.at ?? 0) < at - KEPT_MS)
      this.samples.shift();
  }

  /** Tokens per second over the last 10 s, or null while too little was seen to say. */
  perSecond(now: number): number | null {
    const first = this.samples[0];
    const last = this.samples.at(-1);
    if (!first || !last) return null;
    const from = Math.max(first.at, now - WINDOW_MS);
    if (now - from < 1_500) return null;
    const before = this.samples.findLast((s) => s.at <= from) ?? first;
    return ((last.total - before.total) * 1000) / (now - from);
  }
}

export class Rates {
  private readonly meters = new Map<string, RateMeter>();

  observe(deployments: readonly Deployment[], now: number): void {
    for (const d of deployments) {
      const total = d.metrics?.generation_tokens_total;
      if (total == null) this.meters.delete(d.uid);
      else this.meter(d.uid).add(total, now);
    }
  }

  perSecond(uid: string, now: number): number | null {
    return this.meters.get(uid)?.perSecond(now) ?? null;
  }

  private meter(uid: string): RateMeter {
    const known = this.meters.get(uid);
    if (known) return known;
    const made = new RateMeter();
    this.meters.set(uid, made);
    return made;
  }
}

/** The sum of what is known; null where nothing is. */
export function sumKnown(values: Iterable<number | null | undefined>): number | null {
  let sum: number | null = null;
  for (const v of values) if (v != null) sum = (sum ?? 0) + v;
  return sum;
}
