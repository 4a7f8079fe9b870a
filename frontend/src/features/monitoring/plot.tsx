/** Lines drawn by uPlot: in the theme's colours, as wide as its place, with the shared cross-hair. */

import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { useDark } from "@/components/theme";
import type { Lines } from "./lines";
import { inUnit, loneOf, momentsOf } from "./lines";

const HEIGHT = 168;
/** One name for all charts of the page: they show the same moment. */
const SYNC = "monitoring";
/** Steps of a scale in bytes: 1, 2, 5, 10… of a KiB, a MiB and so on, not of a thousand. */
const BINARY = Array.from({ length: 50 }, (_, n) => 2 ** n);

function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** Eight lines that can be told apart: four colours, whole and dashed. */
export function strokeOf(n: number): { colour: string; dash: number[] | undefined } {
  return { colour: `data-${(n % 4) + 1}`, dash: n % 8 >= 4 ? [5, 3] : undefined };
}

interface Shape {
  lines: Lines;
  width: number;
  top: number | undefined;
  /** The span as it is by now: the axis shows all of it, also where nothing was measured. */
  spanOf: () => Lines["span"];
}

function options({ lines, width, top, spanOf }: Shape): uPlot.Options {
  const axis = { stroke: colour("muted"), font: "11px Inter, sans-serif" };
  const grid = { stroke: colour("line"), width: 1 };
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { sync: { key: SYNC }, points: { size: 6 }, drag: { x: false, y: false } },
    scales: {
      x: { range: (_, first, last) => spanOf() ?? [first, last] },
      y: {
        range: (_, __, highest) => [0, Math.max(top ?? 0, (highest ?? 0) * 1.08) || 1],
      },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        ticks: { ...grid, size: 4 },
        size: 26,
        values: (_, ticks) => momentsOf(ticks),
      },
      {
        ...axis,
        grid,
        ticks: { show: false },
        size: 64,
        ...(lines.unit.startsWith("bytes") ? { incrs: BINARY } : {}),
        values: (_, ticks) => ticks.map((tick) => inUnit(tick, lines.unit)),
      },
    ],
    series: [
      {},
      ...lines.lines.map((line, n) => {
        const { colour: name, dash } = strokeOf(n);
        return {
          label: line.name,
          stroke: line.staleSince ? colour("faint") : colour(name),
          width: 1.5,
          points: {
            show: false,
            size: 4,
            filter: (u: uPlot, n: number) => loneOf(u.data[n] ?? []),
          },
          ...(dash ? { dash } : {}),
        };
      }),
    ],
  };
}

interface Props {
  lines: Lines;
  width: number;
  top?: number | undefined;
  /** Which moment the cross-hair is at, as a place on the axis; null: away. */
  onMoment: (place: number | null) => void;
}

export function Plot({ lines, width, top, onMoment }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const tell = useRef(onMoment);
  tell.current = onMoment;
  const dark = useDark();
  const shape = lines.lines.map((line) => `${line.name}${line.staleSince ? "-" : ""}`).join("|");
  const latest = useRef(lines);
  latest.current = lines;

  // biome-ignore lint/correctness/useExhaustiveDependencies: another theme or other lines need a new plot
  useEffect(() => {
    if (!place.current || width === 0) return;
    const made = new uPlot(
      {
        ...options({ lines: latest.current, width, top, spanOf: () => latest.current.span }),
        hooks: { setCursor: [(u) => tell.current(u.cursor.idx ?? null)] },
      },
      dataOf(latest.current),
      place.current,
    );
    plot.current = made;
    return () => {
      plot.current = null;
      made.destroy();
    };
  }, [shape, lines.unit, dark, width, top]);

  useEffect(() => plot.current?.setData(dataOf(lines)), [lines]);

  return <div ref={place} aria-hidden="true" style={{ height: HEIGHT }} />;
}

function dataOf(lines: Lines): uPlot.AlignedData {
  return [lines.times, ...lines.lines.map((line) => line.values)];
}
