/** Usage: requests and tokens by day as a picture, and by key, user, team or model as a table. */

import { useQuery } from "@tanstack/react-query";
import { useId, useMemo, useState } from "react";
import { keysQuery, teamsQuery, type UsageGroup, usageQuery, usersQuery } from "@/api/access";
import type { Usage } from "@/api/gen";
import { buttonClass } from "@/components/button";
import { Card, PageHead } from "@/components/card";
import { BareSelect } from "@/components/field";
import { count } from "@/components/format";
import { Empty, ErrorCard, SkeletonRows, StaleNote } from "@/components/states";
import { usage as w } from "@/strings/access";
import { DayChart } from "./day-chart";
import { daysOf, spanStart } from "./days";
import { cell, Table } from "./parts";
import { useRole } from "./roles";

type Group = keyof typeof w.groups;
type Span = keyof typeof w.spans;

/** Names for ids, as far as the one who looks may know them. */
function useNames(): (group: Group, row: Usage) => string {
  const isAdministrator = useRole() === "administrator";
  const keys = useQuery(keysQuery).data;
  const users = useQuery({ ...usersQuery, enabled: isAdministrator }).data;
  const teams = useQuery({ ...teamsQuery, enabled: isAdministrator }).data;
  return (group, row) => {
    const id = row[group];
    if (group === "model") return id ?? w.none;
    if (!id) return group === "key" ? w.session : w.none;
    if (group === "key") return keys?.find((key) => key.id === id)?.name ?? id;
    if (group === "user") return users?.find((user) => user.id === id)?.username ?? id;
    return teams?.find((team) => team.id === id)?.name ?? id;
  };
}

const figureColumns = [
  { label: w.requests, right: true },
  { label: w.errors, right: true, hide: "sm" as const },
  { label: w.prompt, right: true },
  { label: w.cached, right: true, hide: "md" as const },
  { label: w.completion, right: true },
];

function Sums({ group, from }: { group: Group; from: string }) {
  const query = useQuery(usageQuery(group, from));
  const nameOf = useNames();
  if (query.isError && !query.data)
    return <ErrorCard error={query.error} title={w.failed} onRetry={() => void query.refetch()} />;
  if (!query.data)
    return (
      <Card>
        <SkeletonRows rows={3} />
      </Card>
    );
  if (query.data.length === 0)
    return (
      <Card>
        <Empty title={w.emptyTitle} why={w.emptyWhy} />
      </Card>
    );
  const rows = [...query.data].sort((a, b) => tokensOf(b) - tokensOf(a));
  return (
    <Table columns={[{ label: w.groups[group] }, ...figureColumns]}>
      {rows.map((row) => (
        <tr key={row[group] ?? ""}>
          <td className={cell(undefined, "font-[520] break-all")}>{nameOf(group, row)}</td>
          <td className={cell(undefined, "figures text-right")}>{count(row.requests)}</td>
          <td className={cell("sm", "figures text-right")}>{count(row.errors)}</td>
          <td className={cell(undefined, "figures text-right")}>{count(row.prompt_tokens)}</td>
          <td className={cell("md", "figures text-right")}>{count(row.cached_tokens)}</td>
          <td className={cell(undefined, "figures text-right")}>{count(row.completion_tokens)}</td>
        </tr>
      ))}
    </Table>
  );
}

const tokensOf = (row: Usage): number => row.prompt_tokens + row.completion_tokens;

function Choice<T extends string>({
  label,
  value,
  options,
  onChange,
}: {
  label: string;
  value: T;
  options: Record<T, string>;
  onChange: (value: T) => void;
}) {
  const id = useId();
  return (
    <span className="flex items-center gap-1.5 text-small text-muted">
      <label htmlFor={id}>{label}</label>
      <BareSelect id={id} value={value} onChange={(event) => onChange(event.target.value as T)}>
        {Object.entries<string>(options).map(([id, words]) => (
          <option key={id} value={id}>
            {words}
          </option>
        ))}
      </BareSelect>
    </span>
  );
}

export function UsagePage() {
  const [span, setSpan] = useState<Span>("30");
  const [group, setGroup] = useState<Group>("model");
  const days = Number(span);
  const from = useMemo(() => spanStart(days, Date.now()), [days]);
  const byDay = useQuery(usageQuery("day" satisfies UsageGroup, from));
  return (
    <>
      <PageHead
        title={w.title}
        below={<p className="text-muted">{w.lead}</p>}
        actions={
          <>
            <Choice label={w.span} value={span} options={w.spans} onChange={setSpan} />
            <Choice label={w.by} value={group} options={w.groups} onChange={setGroup} />
            <a
              href={`/api/v1/usage/export?group_by=${group}&group_by=day&from=${from}`}
              className={buttonClass()}
            >
              {w.export}
            </a>
          </>
        }
      />
      <StaleNote />
      {byDay.data ? (
        <Card label={w.byDay} className="mb-3 p-4">
          <DayChart days={daysOf(byDay.data, from, days)} />
        </Card>
      ) : null}
      <Sums group={group} from={from} />
    </>
  );
}
