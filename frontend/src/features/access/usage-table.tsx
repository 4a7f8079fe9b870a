/** All sums of a span by key, user, team or model. A name narrows the page to it. */

import { useQuery } from "@tanstack/react-query";
import { usageQuery } from "@/api/access";
import type { Usage } from "@/api/gen";
import { Card } from "@/components/card";
import { brief, count, UNKNOWN } from "@/components/format";
import { Doubtful, Empty, ErrorCard, Lost, SkeletonRows, useUnsure } from "@/components/states";
import { usage as w } from "@/strings/usage";
import { cell, Table } from "./parts";
import { allRefused, money } from "./usage-figures";
import type { Group, Only, Times } from "./usage-view";

const COLUMNS = [
  { label: w.columns.requests, right: true },
  { label: w.columns.errors, right: true, hide: "md" as const },
  { label: w.columns.refused, right: true, hide: "lg" as const },
  { label: w.columns.prompt, right: true, hide: "sm" as const },
  { label: w.columns.cached, right: true, hide: "lg" as const },
  { label: w.columns.completion, right: true, hide: "sm" as const },
  { label: w.columns.latency, right: true, hide: "md" as const },
  { label: w.columns.ttft, right: true, hide: "lg" as const },
  { label: w.columns.cost, right: true },
];

/** What people call it: its name; the id where the name is gone. */
function nameOf(group: Group, row: Usage): string {
  if (!row[group]) return group === "key" ? w.session : w.none;
  return (group === "model" ? row.model : row[`${group}_name`]) ?? row[group] ?? w.none;
}

function latency({ latency_p50_seconds: half, latency_p95_seconds: most }: Usage): string {
  return half === null ? UNKNOWN : `${brief(half)} / ${brief(most)}`;
}

function Row({ group, row, onOnly }: { group: Group; row: Usage; onOnly: (id: string) => void }) {
  const name = nameOf(group, row);
  const unsure = useUnsure();
  const figure = "figures text-right whitespace-nowrap";
  const errors = w.errorsOf(
    count(row.client_errors),
    count(row.server_errors),
    count(row.client_left),
    count(row.cancelled),
  );
  const refused = w.refusedOf(count(row.limited), count(row.turned_away), count(row.refused));
  return (
    <tr className={unsure ? "text-muted" : ""}>
      <td className={cell(undefined, "font-[520] break-all")}>
        <button
          type="button"
          className="text-left hover:underline"
          title={w.narrow(name)}
          onClick={() => onOnly(row[group] ?? "")}
        >
          {name}
        </button>
      </td>
      <td className={cell(undefined, figure)}>{count(row.requests)}</td>
      <td className={cell("md", figure)} title={errors}>
        {count(row.errors)}
      </td>
      <td className={cell("lg", figure)} title={refused}>
        {count(allRefused(row))}
      </td>
      <td className={cell("sm", figure)}>{count(row.prompt_tokens)}</td>
      <td className={cell("lg", figure)}>{count(row.cached_tokens)}</td>
      <td className={cell("sm", figure)}>{count(row.completion_tokens)}</td>
      <td className={cell("md", figure)}>{latency(row)}</td>
      <td className={cell("lg", figure)}>{brief(row.ttft_p95_seconds)}</td>
      <td className={cell(undefined, figure)}>{money(row.cost, row.currency)}</td>
    </tr>
  );
}

interface Props {
  group: Group;
  times: Times;
  only: Only;
  onOnly: (id: string) => void;
}

export function UsageTable({ group, times, only, onOnly }: Props) {
  const query = useQuery(usageQuery(group, times, only));
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
  const unpriced = rows.reduce((sum, row) => sum + row.unpriced_requests, 0);
  const isPriced = rows.some((row) => row.cost !== null);
  return (
    <Doubtful when={query.isRefetchError}>
      <Lost query={query} />
      <Table columns={[{ label: w.groups[group] }, ...COLUMNS]}>
        {rows.map((row) => (
          <Row key={row[group] ?? ""} group={group} row={row} onOnly={onOnly} />
        ))}
      </Table>
      {isPriced && unpriced > 0 ? (
        <p className="mt-2 text-small text-muted">{w.unpriced(count(unpriced))}</p>
      ) : null}
    </Doubtful>
  );
}

const tokensOf = (row: Usage): number => row.prompt_tokens + row.completion_tokens;
