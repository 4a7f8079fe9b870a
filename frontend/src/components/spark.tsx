/** A small line of the recent past. Decoration beside a figure: the figure says the value. */

interface Props {
  values: readonly number[];
  tone: 1 | 2 | 3 | 4;
}

const WIDTH = 240;
const HEIGHT = 34;
const LINE = { 1: "text-data-1", 2: "text-data-2", 3: "text-data-3", 4: "text-data-4" };

/** Points of the line, scaled so that zero is the floor. */
export function sparkPoints(values: readonly number[]): [number, number][] {
  const top = Math.max(...values, 1);
  const step = WIDTH / Math.max(1, values.length - 1);
  return values.map((v, n) => [n * step, HEIGHT - 2 - (v / top) * (HEIGHT - 6)]);
}

export function Spark({ values, tone }: Props) {
  if (values.length < 2) return <div className="h-8.5" />;
  const line = sparkPoints(values)
    .map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`)
    .join(" ");
  return (
    <svg
      aria-hidden="true"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      className={`block h-8.5 w-full ${LINE[tone]}`}
    >
      <polygon
        points={`0,${HEIGHT} ${line} ${WIDTH},${HEIGHT}`}
        fill="currentColor"
        opacity="0.11"
      />
      <polyline
        points={line}
        fill="none"
        stroke="currentColor"
        strokeWidth="1.4"
        vectorEffect="non-scaling-stroke"
      />
    </svg>
  );
}
