/** The product's log: every process in one order, by text, process, level or request. */

import { Download } from "lucide-react";
import { memo, useCallback, useEffect, useMemo, useState } from "react";
import { type LogEntry, type ProductLogFilter, productLogFile } from "@/api/logs";
import { Button, buttonClass } from "@/components/button";
import { PageHead } from "@/components/card";
import { CopyButton } from "@/components/copy";
import { BareInput, BareSelect } from "@/components/field";
import { clockTime, count, dateTime } from "@/components/format";
import { Empty, ErrorCard, SkeletonRows, StaleNote } from "@/components/states";
import { t } from "@/strings";
import { productLog as w } from "@/strings/logs";
import { asText, type Row, rowsOf } from "./entries";
import { Coloured, LineBox } from "./line-box";
import { useProductLog } from "./use-product-log";

const HEIGHT = "h-[max(320px,calc(100vh-290px))]";
const TYPING_MS = 400;
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
  if (!isFirst) return <span className="pl-8 text-muted">{text}</span>;
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
    </>
  );
});

interface FilterProps {
  filter: ProductLogFilter;
  onFilter: (filter: ProductLogFilter) => void;
}

/** A text that is taken over once the typing pauses. */
function Typed(props: {
  label: string;
  value: string;
  onType: (value: string) => void;
  isFilter?: boolean;
}) {
  const { label, value, onType, isFilter = false } = props;
  const [typed, setTyped] = useState(value);
  useEffect(() => setTyped(value), [value]);
  useEffect(() => {
    if (typed.trim() === value) return;
    const timer = setTimeout(() => onType(typed.trim()), TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed, value, onType]);
  return (
    <BareInput
      {...(isFilter ? { "data-filter": true } : {})}
      type="search"
      aria-label={label}
      placeholder={label}
      value={typed}
      onChange={(event) => setTyped(event.target.value)}
      className="h-7! min-w-36 flex-1 sm:max-w-60"
    />
  );
}

function Choice(props: {
  label: string;
  any: string;
  words: Record<string, string>;
  value: string;
  onChoose: (value: string) => void;
}) {
  return (
    <BareSelect
      aria-label={props.label}
      className="h-7!"
      value={props.value}
      onChange={(event) => props.onChoose(event.target.value)}
    >
      <option value="">{props.any}</option>
      {Object.entries(props.words).map(([value, words]) => (
        <option key={value} value={value}>
          {words}
        </option>
      ))}
    </BareSelect>
  );
}

function Filters({ filter, onFilter }: FilterProps) {
  const set = (part: ProductLogFilter) => onFilter({ ...filter, ...part });
  return (
    <>
      <Typed isFilter label={w.filter} value={filter.q ?? ""} onType={(q) => set({ q })} />
      <Typed
        label={w.request}
        value={filter.request ?? ""}
        onType={(request) => set({ request })}
      />
      <Choice
        label={w.process}
        any={w.anyProcess}
        words={w.processes}
        value={filter.process ?? ""}
        onChoose={(process) => set({ process })}
      />
      <Choice
        label={w.level}
        any={w.anyLevel}
        words={w.levels}
        value={filter.level ?? ""}
        onChoose={(level) => set({ level })}
      />
    </>
  );
}

function Lines({ filter, onFilter }: FilterProps) {
  const [follow, setFollow] = useState(true);
  const log = useProductLog(filter, follow);
  const followRequest = useCallback((request: string) => onFilter({ request }), [onFilter]);
  const rows = useMemo(() => rowsOf(log.entries), [log.entries]);
  return (
    <section className="overflow-hidden rounded-card border border-line bg-sunken">
      <div className="flex flex-wrap items-center gap-2 border-b border-line p-2">
        <Filters filter={filter} onFilter={onFilter} />
        <span className="text-small text-muted">{t.logs.lines(count(log.entries.length))}</span>
        <span className="ml-auto flex flex-wrap gap-2">
          {log.hasOlder ? (
            <Button
              size="small"
              onClick={() => {
                setFollow(false);
                void log.loadOlder();
              }}
            >
              {t.logs.older}
            </Button>
          ) : null}
          <Button
            size="small"
            kind={follow ? "ghost" : "plain"}
            aria-pressed={follow}
            onClick={() => setFollow(!follow)}
          >
            {follow ? t.logs.following : t.logs.follow}
          </Button>
          <CopyButton text={() => asText(log.entries)} />
          <a href={productLogFile(filter)} download className={buttonClass("plain", "small")}>
            <Download size={13} aria-hidden />
            {t.logs.download}
          </a>
        </span>
      </div>
      {log.error && log.entries.length === 0 ? (
        <div className="p-3">
          <ErrorCard error={log.error} title={w.failed} onRetry={log.retry} />
        </div>
      ) : !log.loaded ? (
        <SkeletonRows rows={12} />
      ) : rows.length === 0 ? (
        <Empty
          title={w.none}
          why={w.noneWhy}
          action={<Button onClick={() => onFilter({})}>{w.clear}</Button>}
        />
      ) : (
        <LineBox
          label={w.label}
          lines={rows}
          keyOf={keyOf}
          follow={follow}
          onFollow={setFollow}
          height={HEIGHT}
        >
          {(row) => <Entry row={row} onRequest={followRequest} />}
        </LineBox>
      )}
    </section>
  );
}

export function ProductLogPage({ filter, onFilter }: FilterProps) {
  return (
    <>
      <PageHead title={w.title} below={<p className="text-muted">{w.lead}</p>} />
      <StaleNote />
      <Lines key={JSON.stringify(filter)} filter={filter} onFilter={onFilter} />
    </>
  );
}
