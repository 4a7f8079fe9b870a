/** The product's log: every process in one order, by text, process, level or request. */

import { useQuery } from "@tanstack/react-query";
import { memo, useCallback, useMemo, useRef, useState } from "react";
import { type LogEntry, type ProductLogFilter, productLogFile } from "@/api/logs";
import { deploymentsQuery } from "@/api/queries";
import { Button } from "@/components/button";
import { PageHead } from "@/components/card";
import { clockTime, dateTime } from "@/components/format";
import { Pick } from "@/components/pick";
import { Empty, StaleNote } from "@/components/states";
import { productLog as w } from "@/strings/logs";
import { asText, isGap, membersOf, type Row, rowsOf } from "./entries";
import { Coloured } from "./line-box";
import { LogFrame } from "./log-frame";
import { Typed } from "./typed";
import { useProductLog } from "./use-product-log";

const HEIGHT = "h-[max(320px,calc(100vh-290px))]";
const LEVEL_CLASS: Record<string, string> = {
  debug: "text-muted",
  info: "text-muted",
  warning: "text-warning-text",
  error: "text-failed-text",
  critical: "text-failed-text font-[600]",
};

const keyOf = (row: Row) => (row.isFirst ? row.entry.id : `${row.entry.id}/${row.text}`);

function sourceOf(entry: LogEntry): string {
  return entry.process === "engine" && entry.deployment
    ? `${entry.deployment}/${(entry.replica ?? "").slice(0, 6)}`
    : entry.process;
}

interface EntryProps {
  row: Row;
  onRequest: (id: string) => void;
}

const Entry = memo(function Entry({ row, onRequest }: EntryProps) {
  const { entry, text, isFirst } = row;
  if (isGap(entry)) return <span className="text-warning-text">{text}</span>;
  if (!isFirst) return <span className="pl-8 text-muted">{text}</span>;
  const members = membersOf(entry);
  return (
    <>
      <span className="mr-3 text-muted select-none" title={dateTime(entry.time)}>
        {clockTime(entry.time)}
      </span>
      <span className={`mr-3 inline-block w-15 ${LEVEL_CLASS[entry.level ?? "info"] ?? ""}`}>
        {entry.level ?? ""}
      </span>
      <span className="mr-3 inline-block w-26 truncate align-bottom text-working-text">
        {sourceOf(entry)}
      </span>
      <Coloured text={text} />
      {entry.request_id ? (
        <button
          type="button"
          onClick={() => onRequest(entry.request_id ?? "")}
          aria-label={w.followRequest(entry.request_id)}
          className="ml-3 text-muted underline decoration-line-strong underline-offset-2 hover:text-text"
        >
          {entry.request_id}
        </button>
      ) : null}
      {members ? <span className="ml-3 text-muted">{members}</span> : null}
    </>
  );
});

interface FilterProps {
  filter: ProductLogFilter;
  onFilter: (filter: ProductLogFilter) => void;
}

function Filters({ filter, onFilter }: FilterProps) {
  const set = (part: ProductLogFilter) => onFilter({ ...filter, ...part });
  const deployments = useQuery(deploymentsQuery).data ?? [];
  const names = new Set([
    ...deployments.map((d) => d.name),
    ...(filter.deployment ? [filter.deployment] : []),
  ]);
  return (
    <>
      <Typed isFilter label={w.filter} value={filter.q ?? ""} onType={(q) => set({ q })} />
      <Typed
        label={w.request}
        value={filter.request ?? ""}
        onType={(request) => set({ request })}
      />
      <Pick
        bare
        className="h-7!"
        label={w.process}
        any={w.anyProcess}
        options={w.processes}
        value={filter.process ?? ""}
        onChange={(process) => set({ process })}
      />
      <Pick
        bare
        className="h-7!"
        label={w.level}
        any={w.anyLevel}
        options={w.levels}
        value={filter.level ?? ""}
        onChange={(level) => set({ level })}
      />
      <Pick
        bare
        className="h-7! max-w-50"
        label={w.deployment}
        any={w.anyDeployment}
        options={Object.fromEntries([...names].map((name) => [name, name]))}
        value={filter.deployment ?? ""}
        onChange={(deployment) => set({ deployment })}
      />
    </>
  );
}

function Lines({ filter, onFilter }: FilterProps) {
  const [follow, setFollow] = useState(true);
  const log = useProductLog(filter, follow);
  const choose = useRef(onFilter);
  choose.current = onFilter;
  const followRequest = useCallback((request: string) => choose.current({ request }), []);
  const rows = useMemo(() => rowsOf(log.entries), [log.entries]);
  const clear = <Button onClick={() => onFilter({})}>{w.clear}</Button>;
  return (
    <LogFrame
      label={w.label}
      failed={w.failed}
      filters={<Filters filter={filter} onFilter={onFilter} />}
      log={log}
      held={log.entries.length}
      rows={rows}
      keyOf={keyOf}
      empty={<Empty title={w.none} why={w.noneWhy} action={clear} />}
      follow={follow}
      onFollow={setFollow}
      copy={() => asText(log.entries)}
      file={productLogFile(filter)}
      height={HEIGHT}
    >
      {(row) => <Entry row={row} onRequest={followRequest} />}
    </LogFrame>
  );
}

export function ProductLogPage({ filter, onFilter }: FilterProps) {
  return (
    <>
      <PageHead title={w.title} below={<p className="text-muted">{w.lead}</p>} />
      <StaleNote />
      <Lines filter={filter} onFilter={onFilter} />
    </>
  );
}
