/** One chart in each of its states, with its legend, the values under the cross-hair, and a table. */

import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useRef, useState } from "react";
import { metricsQuery } from "@/api/metrics";
import { Button } from "@/components/button";
import { Card } from "@/components/card";
import { ago } from "@/components/format";
import { ErrorCard, Lost, Skeleton, useUnsure } from "@/components/states";
import { useServerNow } from "@/realtime/provider";
import { monitoringWords as w } from "@/strings/monitoring";
import type { ChartSpec, Range } from "./charts";
import { allStale, inUnit, type Lines, toLines, toRow } from "./lines";
import { Plot, strokeOf } from "./plot";

const LEGEND = 8;
const SWATCH = ["bg-data-1", "bg-data-2", "bg-data-3", "bg-data-4"];

/** The width of an element, as it is now. */
function useWidth() {
  const ref = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const element = ref.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setWidth(Math.floor(element.clientWidth)));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return { ref, width };
}

function Swatch({ n, stale }: { n: number; stale: boolean }) {
  const dashed = strokeOf(n).dash !== undefined;
  const colour = stale ? "bg-faint" : SWATCH[n % SWATCH.length];
  return (
    <span aria-hidden="true" className="flex w-3 shrink-0 gap-px">
      <span className={`h-0.5 flex-1 ${colour}`} />
      {dashed ? <span className={`h-0.5 flex-1 ${colour}`} /> : null}
    </span>
  );
}

function Legend({ lines, place }: { lines: Lines; place: number | null }) {
  const shown = lines.lines.slice(0, LEGEND);
  const more = lines.lines.length - shown.length;
  return (
    <ul className="flex flex-wrap gap-x-4 gap-y-0.5 px-4 pb-3 text-small text-muted">
      {shown.map((line, n) => {
        const last = line.staleSince ? null : line.values.findLast((value) => value !== null);
        const value = place === null ? last : line.values[place];
        return (
          <li key={line.name} className="inline-flex max-w-full items-center gap-1.5">
            <Swatch n={n} stale={line.staleSince !== null} />
            <span className="truncate">{line.name}</span>
            <span className="figures text-text">{inUnit(value, lines.unit)}</span>
          </li>
        );
      })}
      {more > 0 ? <li>+{more}</li> : null}
    </ul>
  );
}

function Figures({ lines, title }: { lines: Lines; title: string }) {
  const head = [w.now, w.lowest, w.mean, w.highest];
  return (
    <div className="max-h-60 overflow-auto px-4 pb-3">
      <table className="w-full text-left text-small">
        <caption className="sr-only">{title}</caption>
        <thead className="text-muted">
          <tr>
            <th className="py-1 pr-3 font-normal">{w.series}</th>
            {head.map((label) => (
              <th key={label} className="py-1 pl-3 text-right font-normal">
                {label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody className="[&>tr]:border-t [&>tr]:border-line">
          {lines.lines.map(toRow).map((row) => (
            <tr key={row.name}>
              <td className="max-w-40 truncate py-1 pr-3">{row.name}</td>
              {[row.last, row.lowest, row.mean, row.highest].map((value, n) => (
                <td key={head[n]} className="py-1 pl-3 text-right whitespace-nowrap figures">
                  {inUnit(value, lines.unit)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface Props {
  spec: ChartSpec;
  range: Range;
}

export function Chart({ spec, range }: Props) {
  const { ref, width } = useWidth();
  const [asTable, setAsTable] = useState(false);
  const [place, setPlace] = useState<number | null>(null);
  const now = useServerNow();
  const questions = spec.parts.map((part) => part.question);
  const points = Math.max(0, Math.round(width / 2 / 50) * 50);
  const query = useQuery(metricsQuery(questions, range, points));
  const unsure = useUnsure() || query.isRefetchError;
  const lines = useMemo(() => {
    const read = toLines(
      query.data ?? [],
      spec.parts.map((part) => part.name),
    );
    return unsure ? allStale(read, query.dataUpdatedAt) : read;
  }, [query.data, query.dataUpdatedAt, unsure, spec]);
  const isEmpty = query.data !== undefined && lines.lines.length === 0;
  return (
    <Card label={spec.title} className="min-w-0 overflow-hidden">
      <div className="flex items-center gap-2 px-4 pt-3 pb-1">
        <h2 className="min-w-0 truncate text-body font-[560]">{spec.title}</h2>
        {lines.staleSince ? (
          <span role="status" className="text-small whitespace-nowrap text-warning-text">
            {w.stale(ago(lines.staleSince, now))}
          </span>
        ) : null}
        <Button
          size="small"
          className="ml-auto"
          aria-label={asTable ? w.showChart(spec.title) : w.showTable(spec.title)}
          onClick={() => setAsTable(!asTable)}
        >
          {asTable ? w.chart : w.table}
        </Button>
      </div>
      <div className="px-4">
        <Lost query={query} />
      </div>
      <div ref={ref}>
        {query.isError && !query.data ? (
          <div className="p-4">
            <ErrorCard error={query.error} title={w.failed} onRetry={() => void query.refetch()} />
          </div>
        ) : !query.data ? (
          <Skeleton className="mx-4 mb-4 h-44" />
        ) : isEmpty ? (
          <div className="flex h-44 flex-col items-center justify-center px-6 text-center">
            <p className="font-[560]">{w.none}</p>
            <p className="text-small text-muted">{w.noneWhy}</p>
          </div>
        ) : asTable ? (
          <Figures lines={lines} title={spec.title} />
        ) : (
          <>
            <Plot lines={lines} width={width} top={spec.top} onMoment={setPlace} />
            <Legend lines={lines} place={place} />
          </>
        )}
      </div>
    </Card>
  );
}
