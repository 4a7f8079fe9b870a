/** A deployment's log viewer: live, or one try of one replica, also after its death. */

import { useQuery } from "@tanstack/react-query";
import { Download } from "lucide-react";
import { memo, useDeferredValue, useMemo, useState } from "react";
import { attemptsQuery, type LogAttempt, logFile } from "@/api/logs";
import type { LogLine } from "@/api/types";
import { Button, buttonClass } from "@/components/button";
import { CopyButton } from "@/components/copy";
import { BareInput, BareSelect } from "@/components/field";
import { clockTime, count, dateTime } from "@/components/format";
import { Empty, ErrorCard, SkeletonRows } from "@/components/states";
import { t } from "@/strings";
import { attempts as w } from "@/strings/logs";
import { plain } from "./ansi";
import { Coloured, LineBox } from "./line-box";
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

function useFiltered(lines: readonly LogLine[], q: string): readonly LogLine[] {
  const deferred = useDeferredValue(q.trim().toLowerCase());
  return useMemo(
    () => (deferred ? lines.filter((l) => plain(l.text).toLowerCase().includes(deferred)) : lines),
    [lines, deferred],
  );
}

interface ChoiceProps {
  attempts: readonly LogAttempt[];
  chosen: LogAttempt | null;
  onChoose: (attempt: LogAttempt | null) => void;
}

function AttemptChoice({ attempts, chosen, onChoose }: ChoiceProps) {
  if (attempts.length < 2) return null;
  return (
    <BareSelect
      aria-label={w.choose}
      className="h-7! max-w-full min-w-0 sm:max-w-90"
      value={chosen?.incarnation ?? ""}
      onChange={(event) =>
        onChoose(attempts.find((a) => a.incarnation === event.target.value) ?? null)
      }
    >
      <option value="">{w.all}</option>
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

export function LogView({ name }: { name: string }) {
  const [chosen, setChosen] = useState<LogAttempt | null>(null);
  const attempts = useQuery(attemptsQuery(name)).data ?? [];
  return (
    <Lines
      key={chosen?.incarnation ?? ""}
      name={name}
      attempts={attempts}
      chosen={chosen}
      onChoose={setChosen}
    />
  );
}

function Lines({ name, attempts, chosen, onChoose }: ChoiceProps & { name: string }) {
  const log = useLog(name, chosen);
  const [q, setQ] = useState("");
  const [follow, setFollow] = useState(true);
  const shown = useFiltered(log.lines, q);
  const mixed = useMemo(() => new Set(log.lines.map((l) => l.replica)).size > 1, [log.lines]);
  if (log.error && log.lines.length === 0) {
    return <ErrorCard error={log.error} title={t.logs.failed} onRetry={log.retry} />;
  }
  return (
    <section className="overflow-hidden rounded-card border border-line bg-sunken">
      <div className="flex flex-wrap items-center gap-2 border-b border-line p-2">
        <BareInput
          data-filter
          type="search"
          aria-label={t.logs.filter}
          placeholder={t.logs.filter}
          value={q}
          onChange={(event) => setQ(event.target.value)}
          className="h-7! min-w-40 flex-1 sm:max-w-52"
        />
        <AttemptChoice attempts={attempts} chosen={chosen} onChoose={onChoose} />
        <span className="text-small text-muted">{t.logs.lines(count(shown.length))}</span>
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
          <CopyButton text={() => asText(shown)} />
          <a href={logFile(name, chosen)} download className={buttonClass("plain", "small")}>
            <Download size={13} aria-hidden />
            {t.logs.download}
          </a>
        </span>
      </div>
      <AttemptNotes attempt={chosen} />
      {!log.loaded && log.lines.length === 0 ? (
        <SkeletonRows rows={8} />
      ) : log.lines.length === 0 ? (
        <Empty title={t.logs.empty} why={t.logs.emptyWhy} />
      ) : shown.length === 0 ? (
        <p className="px-4 py-8 text-center text-muted">{t.logs.noMatch}</p>
      ) : (
        <LineBox
          label={t.logs.label}
          lines={shown}
          keyOf={keyOf}
          follow={follow}
          onFollow={setFollow}
          height={HEIGHT}
        >
          {(line) => <Line line={line} mixed={mixed} />}
        </LineBox>
      )}
    </section>
  );
}
