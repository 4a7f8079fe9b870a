/** One figure by day as bars, with its parts on each other. */

import type { Usage } from "@/api/gen";
import { usage as w } from "@/strings/usage";
import type { Day } from "./days";
import { FIGURES, heights } from "./usage-figures";
import type { Shown } from "./usage-view";

const HEIGHT = 120;

function wordsOf(shown: Shown, { day, sum }: Day<Usage>): string {
  if (!sum) return w.noDay(day);
  const { parts, words } = FIGURES[shown];
  const told = parts.map(({ label, value }) => `${label} ${words(value(sum), sum.currency)}`);
  return `${day}: ${told.join(", ")}`;
}

function Bar({ day, shown, top }: { day: Day<Usage>; shown: Shown; top: number }) {
  const words = wordsOf(shown, day);
  const { parts } = FIGURES[shown];
  const stacked = heights(shown, day.sum).map((height, n) => ({ height, part: parts[n] }));
  return (
    <li className="flex h-full min-w-0 flex-1 flex-col justify-end hover:bg-sunken" title={words}>
      <span className="sr-only">{words}</span>
      {stacked
        .reverse()
        .map(({ height, part }) =>
          height > 0 && part ? (
            <span
              key={part.label}
              aria-hidden="true"
              className={`block min-h-px first-of-type:rounded-t-[2px] ${part.tone}`}
              style={{ height: `${(height / top) * HEIGHT}px` }}
            />
          ) : null,
        )}
      <span aria-hidden="true" className="block h-px shrink-0 bg-line" />
    </li>
  );
}

export function DayChart({ days, shown }: { days: readonly Day<Usage>[]; shown: Shown }) {
  const { parts, words } = FIGURES[shown];
  const wholes = days.map(({ sum }) => heights(shown, sum).reduce((a, b) => a + b, 0));
  const top = Math.max(...wholes);
  const currency = days.find(({ sum }) => sum?.currency)?.sum?.currency ?? null;
  return (
    <figure>
      <figcaption className="mb-3 flex flex-wrap items-baseline gap-x-4 gap-y-1">
        <h2>{w.byDay(w.shown[shown])}</h2>
        {parts.map(({ label, tone }) => (
          <span key={label} className="inline-flex items-center gap-1.5 text-small text-muted">
            <span aria-hidden="true" className={`size-2 rounded-[2px] ${tone}`} /> {label}
          </span>
        ))}
        <span className="figures ml-auto text-small text-muted">
          {top > 0 ? w.top(words(top, currency)) : null}
        </span>
      </figcaption>
      <ol
        className={`flex ${days.length > 120 ? "" : days.length > 40 ? "gap-px" : "gap-[2px]"}`}
        style={{ height: HEIGHT + 1 }}
      >
        {days.map((day) => (
          <Bar key={day.day} day={day} shown={shown} top={top || 1} />
        ))}
      </ol>
      <p aria-hidden="true" className="mt-1 flex justify-between text-tiny text-muted">
        <span>{days[0]?.day}</span>
        <span>{days.at(-1)?.day}</span>
      </p>
    </figure>
  );
}
