/** What of the page of usage stands in its address, read with care: anyone can type anything. */

export const SPANS = ["7", "30", "90", "365"] as const;
export const GROUPS = ["model", "key", "user", "team"] as const;
export const SHOWN = ["tokens", "requests", "cost", "latency", "ttft"] as const;

export type Span = (typeof SPANS)[number];
export type Group = (typeof GROUPS)[number];
export type Shown = (typeof SHOWN)[number];

/** What alone counts: ids, of models the name; empty: what has none. */
export type Only = Partial<Record<Group, string>>;

export interface UsageView extends Only {
  days?: Span;
  by?: Group;
  show?: Shown;
  /** The last day of the span, in UTC; today where it is not given. */
  until?: string;
}

const oneOf = <T extends string>(known: readonly T[], value: unknown): T | undefined =>
  known.find((each) => each === String(value));

/** A day of the calendar, as `2026-11-24`. */
function readDay(value: unknown): string | null {
  const text = String(value ?? "");
  const isDay = /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text));
  return isDay ? text : null;
}

export function readUsageView(search: Record<string, unknown>): UsageView {
  const days = oneOf(SPANS, search.days);
  const by = oneOf(GROUPS, search.by);
  const show = oneOf(SHOWN, search.show);
  const until = readDay(search.until);
  const only = GROUPS.filter((group) => search[group] != null).map(
    (group) => [group, String(search[group]).slice(0, 255)] as const,
  );
  return {
    ...(days ? { days } : {}),
    ...(by ? { by } : {}),
    ...(show ? { show } : {}),
    ...(until ? { until } : {}),
    ...Object.fromEntries(only),
  };
}

export function onlyOf(view: UsageView): Only {
  return Object.fromEntries(
    GROUPS.filter((group) => view[group] !== undefined).map((group) => [group, view[group]]),
  );
}

/** From that moment on, and before the other one; without it, until now. */
export interface Times {
  from: string;
  to?: string;
}

/** The address of the same sums as a table. */
export function exportAddress(by: Group, { from, to }: Times, only: Only): string {
  const query = new URLSearchParams([
    ["group_by", by],
    ["group_by", "day"],
    ["from", from],
    ...(to ? [["to", to]] : []),
  ]);
  for (const [name, value] of Object.entries(only)) query.append(name, value);
  return `/api/v1/usage/export?${query.toString()}`;
}
