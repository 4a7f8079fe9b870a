/** What the phase timeline shows: widths, figures and the sentence above it. Pure. */

import type { Deployment, TimelineStep } from "@/api/types";
import { seconds, toneOf } from "@/components/format";
import { t } from "@/strings";

export interface Segment {
  step: TimelineStep;
  /** Relative width: the time that it took or is expected to take, damped so that short ones can be read. */
  weight: number;
  /** How much of a running one is filled, 0 to 1; null when there is nothing to go by. */
  filled: number | null;
  figure: string;
}

const UNKNOWN_SECONDS = 4;

/** How the engine was started, and why so: “warm start: waited 8.2 s for the spare”. */
export function startWords(d: Pick<Deployment, "how" | "how_reason">): string | null {
  if (!d.how) return null;
  const words = d.how === "warm" ? t.timeline.warm : t.timeline.cold;
  return d.how_reason ? `${words}: ${d.how_reason}` : words;
}

/** Long phases stay longer, but a 30-minute one must not crush the others. */
function weightOf(s: number): number {
  return Math.sqrt(Math.max(0.4, s));
}

function figureOf(step: TimelineStep): string {
  const { state, seconds: spent, expected_seconds: expected } = step;
  if (state === "expected") return expected == null ? "" : t.timeline.about(seconds(expected));
  if (state === "running" && expected != null)
    return t.timeline.of(seconds(spent ?? 0), seconds(expected));
  return seconds(spent);
}

function filledOf(step: TimelineStep, progress: number | null): number | null {
  if (step.state === "done") return 1;
  if (step.state === "expected") return 0;
  const byTime =
    step.expected_seconds && step.seconds != null
      ? Math.min(0.97, step.seconds / step.expected_seconds)
      : null;
  return progress ?? byTime;
}

export function segments(timeline: readonly TimelineStep[], progress: number | null): Segment[] {
  return timeline.map((step) => ({
    step,
    weight: weightOf(Math.max(step.seconds ?? 0, step.expected_seconds ?? 0) || UNKNOWN_SECONDS),
    filled: filledOf(step, progress),
    figure: figureOf(step),
  }));
}

/** Lets the running phase grow between two words of the server. */
export function advance(timeline: readonly TimelineStep[], passedSeconds: number): TimelineStep[] {
  return timeline.map((step) =>
    step.state === "running" && step.seconds != null
      ? { ...step, seconds: step.seconds + passedSeconds }
      : step,
  );
}

export function spentSeconds(timeline: readonly TimelineStep[]): number {
  return timeline.reduce((sum, s) => sum + (s.seconds ?? 0), 0);
}

/** Seconds until ready as earlier starts suggest, or null where a phase's length is unknown. */
export function remainingSeconds(timeline: readonly TimelineStep[]): number | null {
  let sum = 0;
  for (const s of timeline) {
    if (s.state === "done") continue;
    if (s.expected_seconds == null) return null;
    sum += Math.max(0, s.expected_seconds - (s.seconds ?? 0));
  }
  return sum;
}

export function headline(d: Pick<Deployment, "phase">, timeline: readonly TimelineStep[]): string {
  if (toneOf(d.phase) === "ready") return t.timeline.readyAfter(seconds(spentSeconds(timeline)));
  const starting = timeline.some((s) => s.state !== "done");
  if (!starting || toneOf(d.phase) !== "working") return t.timeline.stopped;
  const left = remainingSeconds(timeline);
  return left !== null && left > 0 ? t.timeline.readyIn(seconds(left)) : t.timeline.starting;
}
