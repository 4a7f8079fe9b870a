/** A deployment's log viewer: live, or one try of one replica, also after its death. */

import { type UseQueryResult, useQuery } from "@tanstack/react-query";
import { memo, type ReactNode, useMemo, useState } from "react";
import { attemptsQuery, type LogAttempt, logFile } from "@/api/logs";
import type { LogLine } from "@/api/types";
import { Button } from "@/components/button";
import { BareSelect } from "@/components/field";
import { clockTime, count, dateTime } from "@/components/format";
import { Empty, ErrorCard, SkeletonRows } from "@/components/states";
import { t } from "@/strings";
import { attempts as w } from "@/strings/logs";
import { plain } from "./ansi";
import { Coloured } from "./line-box";
import { LogFrame } from "./log-frame";
import { Typed } from "./typed";
import { useLog } from "./use-log";

const HEIGHT = "h-[max(300px,calc(100vh-440px))]";

const Line = memo(function Line({ line, mixed }: { line: LogLine; mixed: boolean }) {
  return (
    <>
      <span className="mr-3.5 text-muted select-none">{clockTime(line.at)}</span>
      {mixed ? (
        <span className="mr-3.5 text-working-text select-none">{line.replica.slice(0, 6)}</span>
      ) : null}
      {line.stream === "gap" || line.stream === "supervisor" ? (
        <span className={line.stream === "gap" ? "text-warning-text" : "text-working-text"}>
          {plain(line.text)}
        </span>
      ) : (
        <Coloured text={line.text} />
      )}
    </>
  );
});

const keyOf = (l: LogLine) => `${l.replica}/${l.attempt}/${l.number}`;

function asText(lines: readonly LogLine[]): string {
  return lines.map((l) => `${l.at} ${plain(l.text)}`).join("\n");
}

interface ChoiceProps {
  query: UseQueryResult<LogAttempt[]>;
  /** The incarnation of the try whose lines alone are shown. */
  chosen: string | undefined;
  onChoose: (incarnation: string | undefined) => void;
}

function AttemptChoice({ query, chosen, onChoose }: ChoiceProps) {
  const attempts = query.data ?? [];
  if (query.isError && !query.data)
    return (
      <Button size="small" onClick={() => void query.refetch()}>
        {w.failed}
      </Button>
    );
  if (attempts.length < 2 && chosen === undefined) return null;
  return (
    <BareSelect
      aria-label={w.choose}
      className="h-7! max-w-full min-w-0 sm:max-w-90"
      value={chosen ?? ""}
      onChange={(event) => onChoose(event.target.value || undefined)}
    >
      <option value="">{w.all}</option>
      {chosen && !attempts.some((a) => a.incarnation === chosen) ? (
        <option value={chosen}>{w.gone}</option>
      ) : null}
      {attempts.map((a) => (
        <option key={a.incarnation} value={a.incarnation}>
          {w.one(a.replica.slice(0, 8), a.attempt, w.states[a.state], dateTime(a.began_at))}
        </option>
      ))}
    </BareSelect>
  );
}

function AttemptNotes({ attempt }: { attempt: LogAttempt | null }) {
  if (!attempt || (!attempt.failure && attempt.lines_dropped === 0)) return null;
  return (
    <div className="border-b border-line px-3 py-2 text-small">
      {attempt.failure ? (
        <p className="break-words text-failed-text">
          <span className="sr-only">{w.why}: </span>
          {attempt.failure.detail}
        </p>
      ) : null}
      {attempt.lines_dropped > 0 ? (
        <p className="text-muted">{w.dropped(count(attempt.lines_dropped))}</p>
      ) : null}
    </div>
  );
}

/** The same object for as long as nothing is said of it anew. */
function useAttempt(attempts: readonly LogAttempt[], chosen: string | undefined) {
  const found = attempts.find((a) => a.incarnation === chosen) ?? null;
  const said = JSON.stringify(found);
  return useMemo(() => JSON.parse(said) as LogAttempt | null, [said]);
}

interface Props {
  name: string;
  attempt: string | undefined;
  onAttempt: (incarnation: string | undefined) => void;
}

export function LogView({ name, attempt: chosen, onAttempt }: Props) {
  const query = useQuery(attemptsQuery(name));
  const attempt = useAttempt(query.data ?? [], chosen);
  const isGone = chosen !== undefined && query.data !== undefined && attempt === null;
  const choice = <AttemptChoice query={query} chosen={chosen} onChoose={onAttempt} />;
  if (chosen !== undefined && attempt === null)
    return isGone ? (
      <section className="rounded-card border border-line bg-sunken p-2">
        {choice}
        <Empty title={w.gone} why={w.goneWhy} />
      </section>
    ) : query.isError ? (
      <ErrorCard error={query.error} title={w.failed} onRetry={() => void query.refetch()} />
    ) : (
      <SkeletonRows rows={8} />
    );
  return <Lines name={name} attempt={attempt} choice={choice} />;
}

function Lines({
  name,
  attempt,
  choice,
}: {
  name: string;
  attempt: LogAttempt | null;
  choice: ReactNode;
}) {
  const [q, setQ] = useState("");
  const [follow, setFollow] = useState(true);
  const log = useLog(name, attempt, q);
  const mixed = useMemo(() => new Set(log.lines.map((l) => l.replica)).size > 1, [log.lines]);
  return (
    <LogFrame
      label={t.logs.label}
      failed={t.logs.failed}
      filters={
        <>
          <Typed isFilter label={t.logs.filter} value={q} onType={setQ} />
          {choice}
        </>
      }
      notes={<AttemptNotes attempt={attempt} />}
      log={log}
      held={log.lines.length}
      rows={log.lines}
      keyOf={keyOf}
      empty={
        q ? (
          <p className="px-4 py-8 text-center text-muted">{t.logs.noMatch}</p>
        ) : (
          <Empty title={t.logs.empty} why={t.logs.emptyWhy} />
        )
      }
      follow={follow}
      onFollow={setFollow}
      copy={() => asText(log.lines)}
      file={logFile(name, attempt, q)}
      height={HEIGHT}
    >
      {(line) => <Line line={line} mixed={mixed} />}
    </LogFrame>
  );
}
