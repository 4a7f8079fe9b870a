/** What a download's figures mean to a person. Pure. */

import type { Download } from "@/api/gen";
import { bytes, seconds, type Tone } from "@/components/format";
import { m } from "@/strings/models";

const w = m.downloads;

export type Verb = "pause" | "resume" | "cancel" | "retry";

const VERBS: Record<Download["state"], Verb[]> = {
  queued: ["pause", "cancel"],
  listing: ["pause", "cancel"],
  running: ["pause", "cancel"],
  verifying: ["cancel"],
  paused: ["resume", "cancel"],
  failed: ["retry", "cancel"],
  cancelled: ["retry"],
  succeeded: [],
};

/** What may be asked of a download in its state; the server has the last word. */
export function verbsOf(d: Pick<Download, "state">): Verb[] {
  return VERBS[d.state] ?? [];
}

export function toneOf(d: Pick<Download, "state" | "stalled">): Tone {
  if (d.stalled) return "warning";
  if (d.state === "succeeded") return "ready";
  if (d.state === "failed") return "failed";
  return d.state === "paused" || d.state === "cancelled" ? "idle" : "working";
}

/** How much is here, 0 to 1; null where the size is not known yet. */
export function shareOf(d: Pick<Download, "bytes_done" | "bytes_total">): number | null {
  if (d.bytes_total == null) return null;
  return d.bytes_total === 0 ? 1 : Math.min(1, d.bytes_done / d.bytes_total);
}

/** The size, and while it runs the speed and the time that is left. */
export function paceOf(d: Download): string {
  const size =
    d.state === "succeeded"
      ? bytes(d.bytes_total)
      : w.of(bytes(d.bytes_done), bytes(d.bytes_total));
  if (d.state !== "running") return size;
  const speed = d.bytes_per_second == null ? null : w.speed(bytes(d.bytes_per_second));
  const left = d.eta_seconds == null ? null : w.left(seconds(d.eta_seconds));
  return [size, speed, left].filter(Boolean).join(" · ");
}
