/** Usage: one figure by day as a picture, and all by key, user, team or model as a table. */

import { useQuery } from "@tanstack/react-query";
import { X } from "lucide-react";
import { keysQuery, teamsQuery, usageQuery, usersQuery } from "@/api/access";
import { buttonClass } from "@/components/button";
import { Card, PageHead } from "@/components/card";
import { BareInput } from "@/components/field";
import { Pick } from "@/components/pick";
import { Lost, PartFailed, StaleNote, useUnsure } from "@/components/states";
import { useServerNow } from "@/realtime/provider";
import { usage as w } from "@/strings/usage";
import { DayChart } from "./day-chart";
import { dayEnd, daysOf, spanStart } from "./days";
import { Prices } from "./prices";
import { useRole } from "./roles";
import { UsageTable } from "./usage-table";
import { exportAddress, GROUPS, type Group, onlyOf, type UsageView } from "./usage-view";

interface Props {
  view: UsageView;
  onView: (view: UsageView) => void;
}

/** The name of what alone counts; its id where that is all that is known. */
function useNameOf(): (group: Group, id: string) => string {
  const isAdministrator = useRole() === "administrator";
  const keys = useQuery(keysQuery).data;
  const users = useQuery({ ...usersQuery, enabled: isAdministrator }).data;
  const teams = useQuery({ ...teamsQuery, enabled: isAdministrator }).data;
  return (group, id) => {
    if (id === "") return group === "key" ? w.session : w.none;
    if (group === "key") return keys?.find((key) => key.id === id)?.name ?? id;
    if (group === "user") return users?.find((user) => user.id === id)?.username ?? id;
    if (group === "team") return teams?.find((team) => team.id === id)?.name ?? id;
    return id;
  };
}

/** What alone counts, each to be dropped. */
function Filters({ view, onView }: Props) {
  const nameOf = useNameOf();
  const set = GROUPS.filter((group) => view[group] !== undefined);
  if (set.length === 0) return null;
  return (
    <p className="mb-3 flex flex-wrap gap-2">
      {set.map((group) => {
        const words = w.only(w.groups[group], nameOf(group, view[group] ?? ""));
        const { [group]: _, ...rest } = view;
        return (
          <button
            key={group}
            type="button"
            className={buttonClass()}
            aria-label={w.drop(words)}
            onClick={() => onView(rest)}
          >
            <span className="max-w-60 truncate">{words}</span> <X size={13} aria-hidden />
          </button>
        );
      })}
    </p>
  );
}

export function UsagePage({ view, onView }: Props) {
  const { days = "30", by = "model", show = "tokens", until } = view;
  const length = Number(days);
  const now = useServerNow(60_000);
  const from = spanStart(length, until ? Date.parse(until) : now);
  const times = until ? { from, to: dayEnd(until) } : { from };
  const only = onlyOf(view);
  const byDay = useQuery(usageQuery("day", times, only));
  const end = (day: string) => {
    const { until: _, ...rest } = view;
    onView(day ? { ...rest, until: day } : rest);
  };
  const unsure = useUnsure();
  return (
    <>
      <PageHead
        title={w.title}
        below={<p className="text-muted">{w.lead}</p>}
        actions={
          <>
            <Pick
              label={w.span}
              value={days}
              options={w.spans}
              onChange={(days) => onView({ ...view, days })}
            />
            <span className="flex items-center gap-1.5 text-small text-muted">
              <label htmlFor="usage-until">{w.until}</label>
              <BareInput
                id="usage-until"
                type="date"
                max={new Date(now).toISOString().slice(0, 10)}
                value={until ?? ""}
                onChange={(event) => end(event.target.value)}
                className="w-36"
              />
            </span>
            <Pick
              label={w.show}
              value={show}
              options={w.shown}
              onChange={(show) => onView({ ...view, show })}
            />
            <Pick
              label={w.by}
              value={by}
              options={w.groups}
              onChange={(by) => onView({ ...view, by })}
            />
            <a href={exportAddress(by, times, only)} className={buttonClass()}>
              {w.export}
            </a>
          </>
        }
      />
      <StaleNote />
      <Filters view={view} onView={onView} />
      {byDay.isError && !byDay.data ? (
        <Card className="mb-3 p-4">
          <PartFailed query={byDay} title={w.daysFailed} />
        </Card>
      ) : null}
      {byDay.data && byDay.data.length > 0 ? (
        <Card label={w.byDay(w.shown[show])} className="mb-3 p-4">
          <Lost query={byDay} />
          <div className={unsure || byDay.isRefetchError ? "grayscale" : ""}>
            <DayChart days={daysOf(byDay.data, from, length)} shown={show} />
          </div>
        </Card>
      ) : null}
      <UsageTable
        group={by}
        times={times}
        only={only}
        onOnly={(id) => onView({ ...view, [by]: id })}
      />
      <Prices />
    </>
  );
}
