/** The phase timeline: what was measured, what runs, what is expected, and the line that proves it. */

import { useEffect, useRef, useState } from "react";
import type { Deployment } from "@/api/types";
import { Card } from "@/components/card";
import { phaseWords, seconds, toneOf } from "@/components/format";
import { useUnsure } from "@/components/states";
import { useServerNow } from "@/realtime/provider";
import { t } from "@/strings";
import { advance, headline, type Segment, segments, spentSeconds, startWords } from "./timeline";

/** Seconds since the server last said something about this deployment; not counted while it is silent. */
function usePassed(d: Deployment, ticking: boolean): number {
  const seen = useRef({ d, at: performance.now() });
  if (seen.current.d !== d) seen.current = { d, at: performance.now() };
  const [, tick] = useState(0);
  useEffect(() => {
    if (!ticking) return;
    const timer = setInterval(() => tick((n) => n + 1), 250);
    return () => clearInterval(timer);
  }, [ticking]);
  return ticking ? (performance.now() - seen.current.at) / 1000 : 0;
}

function Bar({ segment, failed }: { segment: Segment; failed: boolean }) {
  const { step, filled } = segment;
  if (step.state === "done")
    return <div className={`h-1.5 rounded-[2px] ${failed ? "bg-failed" : "bg-ready"}`} />;
  if (step.state === "expected") {
    return <div className="h-1.5 rounded-[2px] border border-line bg-sunken" />;
  }
  const colour = failed ? "bg-failed" : "bg-working";
  return (
    <div
      className={`h-1.5 overflow-hidden rounded-[2px] ${failed ? "bg-failed-soft" : "bg-working-soft"}`}
    >
      {filled === null ? (
        <div className={`sweep h-full w-2/5 ${colour}`} />
      ) : (
        <div
          className={`h-full ${colour} transition-[width] duration-300`}
          style={{ width: `${(filled * 100).toFixed(1)}%` }}
        />
      )}
    </div>
  );
}

function Step({ segment, failed }: { segment: Segment; failed: boolean }) {
  const { step, weight, figure } = segment;
  const running = step.state === "running";
  const words = running ? "font-[600]" : step.state === "expected" ? "text-muted" : "";
  return (
    <li
      aria-current={running ? "step" : undefined}
      className="max-lg:grid lg:min-w-max max-lg:grid-cols-[110px_minmax(0,1fr)_96px] max-lg:items-center max-lg:gap-3 max-lg:py-0.5"
      style={{ flexGrow: weight, flexBasis: 0 }}
    >
      <div className="max-lg:order-2">
        <Bar segment={segment} failed={failed} />
      </div>
      <p className={`text-small max-lg:order-1 lg:mt-1.5 lg:pr-2 ${words}`}>
        {phaseWords(step.phase)}
        <span className="sr-only">
          , {failed ? t.phases.failed : t.timeline.states[step.state]}
        </span>
      </p>
      <p className="figures text-tiny text-muted max-lg:order-3 max-lg:text-right">{figure}</p>
    </li>
  );
}

function useFacts(d: Deployment, spent: number): string {
  const now = useServerNow();
  const working = toneOf(d.phase) === "working";
  const since = (iso: string) => Math.max(0, (now - Date.parse(iso)) / 1000);
  const facts = [t.timeline.attempt(d.attempt)];
  const start = startWords(d);
  if (start) facts.push(start);
  if (!working) return facts.join(" · ");
  facts.push(t.timeline.soFar(seconds(spent)));
  if (d.last_progress_at) facts.push(t.timeline.lastProgress(seconds(since(d.last_progress_at))));
  const left = d.deadline_at ? (Date.parse(d.deadline_at) - now) / 1000 : null;
  if (left !== null && left > 0) facts.push(t.timeline.deadline(seconds(left)));
  return facts.join(" · ");
}

export function TimelineCard({ deployment: d }: { deployment: Deployment }) {
  const unsure = useUnsure();
  const known = d.timeline ?? [];
  const working = toneOf(d.phase) === "working";
  const ticking = working && !unsure && known.some((s) => s.state === "running");
  const passed = usePassed(d, ticking);
  const now = useServerNow();
  const timeline = advance(known, passed);
  const parts = segments(timeline, d.progress ?? null);
  const failed = d.phase === "failed";
  const facts = useFacts(d, spentSeconds(timeline));
  const retry = d.next_retry_at ? (Date.parse(d.next_retry_at) - now) / 1000 : null;
  if (parts.length === 0) return null;
  return (
    <Card label={t.timeline.label} className={`mb-3 px-4 py-3.5 ${unsure ? "opacity-70" : ""}`}>
      <div className="mb-3 flex flex-wrap items-baseline justify-between gap-x-4">
        <h2 className="figures" aria-live="off">
          {retry !== null && retry > 0
            ? t.timeline.nextRetry(seconds(retry))
            : headline(d, timeline)}
        </h2>
        <p className="figures text-muted">{facts}</p>
      </div>
      <ol className="flex gap-1 max-lg:flex-col max-lg:gap-0">
        {parts.map((segment, n) => (
          <Step
            key={segment.step.phase}
            segment={segment}
            failed={failed && n === parts.length - 1}
          />
        ))}
      </ol>
      {d.log_line && toneOf(d.phase) !== "ready" ? (
        <p
          className="mt-3 truncate border-t border-line pt-3 font-mono text-small text-muted"
          title={d.log_line}
        >
          {d.log_line}
        </p>
      ) : null}
    </Card>
  );
}
