/** Tokens by day as bars: what went in below, what came out above. */

import { count } from "@/components/format";
import { usage as w } from "@/strings/access";
import type { Day } from "./days";

const HEIGHT = 120;

function Bar({ day, top }: { day: Day; top: number }) {
  const share = (tokens: number) => `${(tokens / top) * HEIGHT}px`;
  const words = w.day(day.day, count(day.prompt), count(day.completion));
  return (
    <li className="group relative flex h-full min-w-0 flex-1 flex-col justify-end" title={words}>
      <span className="sr-only">{words}</span>
      <span
        aria-hidden="true"
        className="block rounded-t-[2px] bg-data-2"
        style={{ height: share(day.completion) }}
      />
      <span aria-hidden="true" className="block bg-data-1" style={{ height: share(day.prompt) }} />
      <span aria-hidden="true" className="block h-px bg-line" />
    </li>
  );
}

export function DayChart({ days }: { days: readonly Day[] }) {
  const top = Math.max(1, ...days.map(({ prompt, completion }) => prompt + completion));
  return (
    <figure>
      <figcaption className="mb-3 flex flex-wrap items-baseline gap-x-4 gap-y-1">
        <h2>{w.byDay}</h2>
        <span className="inline-flex items-center gap-1.5 text-small text-muted">
          <span aria-hidden="true" className="size-2 rounded-[2px] bg-data-1" /> {w.prompt}
        </span>
        <span className="inline-flex items-center gap-1.5 text-small text-muted">
          <span aria-hidden="true" className="size-2 rounded-[2px] bg-data-2" /> {w.completion}
        </span>
        <span className="ml-auto text-small text-muted">{count(top === 1 ? 0 : top)}</span>
      </figcaption>
      <ol className="flex gap-[3px]" style={{ height: HEIGHT + 1 }}>
        {days.map((day) => (
          <Bar key={day.day} day={day} top={top} />
        ))}
      </ol>
      <p aria-hidden="true" className="mt-1 flex justify-between text-tiny text-muted">
        <span>{days[0]?.day}</span>
        <span>{days.at(-1)?.day}</span>
      </p>
    </figure>
  );
}
