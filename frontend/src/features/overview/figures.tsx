/** Four figures that answer "is it healthy?" at a glance; unknown is a dash. */

import { type ReactNode, useEffect, useRef, useState } from "react";
import type { Deployment } from "@/api/types";
import { Card } from "@/components/card";
import { count, rate, type Tone, toneOf } from "@/components/format";
import { Spark } from "@/components/spark";
import { sumKnown } from "@/realtime/rates";
import { t } from "@/strings";

const EVERY_MS = 2_000;
const KEPT = 90;

interface Point {
  rate: number | null;
  waiting: number | null;
}

/** What this page has seen since it was opened; nothing is made up for the time before. */
function useHistory(now: Point): Point[] {
  const latest = useRef(now);
  latest.current = now;
  const [points, setPoints] = useState<Point[]>([]);
  useEffect(() => {
    const timer = setInterval(() => {
      if (document.visibilityState === "hidden") return;
      setPoints((held) => [...held, latest.current].slice(-KEPT));
    }, EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  return points;
}

interface FigureProps {
  name: string;
  value: string;
  unit: string;
  children: ReactNode;
}

function Figure({ name, value, unit, children }: FigureProps) {
  return (
    <Card className="flex min-h-26 flex-col overflow-hidden">
      <div className="px-4 pt-3.5 pb-2">
        <p className="text-small text-muted">{name}</p>
        <p className="truncate">
          <span className="text-figure font-[640] figures">{value}</span>
          <span className="ml-1.5 text-small text-muted">{unit}</span>
        </p>
      </div>
      <div className="mt-auto">{children}</div>
    </Card>
  );
}

const SHARES: [Tone, string][] = [
  ["ready", "bg-ready"],
  ["working", "bg-working"],
  ["warning", "bg-warning"],
  ["failed", "bg-failed"],
  ["idle", "bg-line-strong"],
];

/** How many of each kind, as one bar; the figure above says the number that matters. */
function Shares({ counts }: { counts: Partial<Record<Tone, number>> }) {
  return (
    <div aria-hidden="true" className="flex h-1.5 gap-0.5 px-4 pb-5">
      {SHARES.map(([tone, colour]) =>
        counts[tone] ? (
          <div
            key={tone}
            className={`h-1.5 rounded-[2px] ${colour}`}
            style={{ flexGrow: counts[tone] }}
          />
        ) : null,
      )}
    </div>
  );
}

interface Props {
  deployments: readonly Deployment[];
  /** Output tokens per second of all that is ready; null while unknown. */
  output: number | null;
}

export function Figures({ deployments, output }: Props) {
  const waiting = sumKnown(deployments.map((d) => d.metrics?.requests_waiting));
  const points = useHistory({ rate: output, waiting });
  const known = (pick: (p: Point) => number | null) =>
    points.map(pick).filter((v): v is number => v !== null);
  const tones: Partial<Record<Tone, number>> = {};
  for (const d of deployments) tones[toneOf(d.phase)] = (tones[toneOf(d.phase)] ?? 0) + 1;
  const ready = deployments.reduce((sum, d) => sum + d.replicas_ready, 0);
  const wanted = deployments
    .filter((d) => d.desired !== "stopped")
    .reduce((sum, d) => sum + d.replicas_desired, 0);
  return (
    <section aria-label={t.overview.figures} className="mb-3 grid grid-cols-2 gap-3 lg:grid-cols-4">
      <Figure
        name={t.overview.running}
        value={count(tones.ready ?? 0)}
        unit={t.overview.ofDeployments(deployments.length)}
      >
        <Shares counts={tones} />
      </Figure>
      <Figure
        name={t.overview.replicas}
        value={count(ready)}
        unit={t.overview.ofDesired(count(wanted))}
      >
        <Shares counts={{ ready, idle: Math.max(0, wanted - ready) }} />
      </Figure>
      <Figure name={t.overview.output} value={rate(output)} unit={t.overview.tokensPerSecond}>
        <Spark values={known((p) => p.rate)} tone={1} />
      </Figure>
      <Figure name={t.overview.waiting} value={count(waiting)} unit={t.overview.requests}>
        <Spark values={known((p) => p.waiting)} tone={3} />
      </Figure>
    </section>
  );
}
