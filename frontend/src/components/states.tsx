/** What every view can be besides full: empty, loading for the first time, failed, stale. */

import { createContext, type ReactNode, useContext } from "react";
import { describeProblem, toProblem } from "@/api/problem";
import { useConnection, useServerNow } from "@/realtime/provider";
import { t } from "@/strings";
import { Advice, Causes } from "./advice";
import { Button } from "./button";
import { Card } from "./card";
import { CopyButton } from "./copy";
import { ago, clockTime } from "./format";
import { Prose } from "./prose";

export function Empty({ title, why, action }: { title: string; why: string; action?: ReactNode }) {
  return (
    <div className="flex flex-col items-center gap-1 px-6 py-12 text-center">
      <p className="font-[600]">{title}</p>
      <p className="max-w-105 text-muted">{why}</p>
      {action ? <div className="mt-3">{action}</div> : null}
    </div>
  );
}

export function Skeleton({ className = "" }: { className?: string }) {
  return <div aria-hidden="true" className={`breathe rounded-[6px] bg-sunken ${className}`} />;
}

export function SkeletonRows({ rows = 6 }: { rows?: number }) {
  return (
    <div role="status" aria-label={t.words.loading} className="space-y-3 p-4">
      {Array.from({ length: rows }, (_, n) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: rows without identity
        <Skeleton key={n} className="h-5" />
      ))}
    </div>
  );
}

interface ErrorProps {
  error: unknown;
  onRetry?: () => void;
  title?: string;
}

export function ErrorCard({ error, onRetry, title }: ErrorProps) {
  const problem = toProblem(error);
  return (
    <Card className="border-l-3 border-l-failed px-4 py-3.5">
      <div role="alert">
        <p className="font-[600]">{title ?? problem.title}</p>
        <p className="mt-0.5 break-words">
          <Prose text={problem.detail} />
        </p>
        <Causes problem={problem} />
        <Advice remedies={problem.remediation ?? []} />
        {problem.request_id ? (
          <p className="mt-0.5 font-mono text-small text-muted">
            {t.errors.request(problem.request_id)}
          </p>
        ) : null}
      </div>
      <div className="mt-2.5 flex gap-2">
        {onRetry ? (
          <Button size="small" kind="primary" onClick={onRetry}>
            {t.words.retry}
          </Button>
        ) : null}
        <CopyButton text={() => describeProblem(problem)} label={t.errors.copy} />
      </div>
    </Card>
  );
}

interface LostProps {
  /** When it was last read, in this machine's milliseconds; 0: never. */
  readAt?: number;
  onRetry: () => void;
}

/** Said above what could not be read anew, and stays as it was. */
export function LostNote({ readAt = 0, onRetry }: LostProps) {
  return (
    <div
      role="status"
      className="mb-3 flex flex-wrap items-center gap-x-3 gap-y-1 rounded-control bg-warning-soft px-3 py-1.5 text-small text-warning-text"
    >
      {t.errors.lost(readAt ? clockTime(new Date(readAt).toISOString()) : null)}
      <button type="button" className="font-[520] underline" onClick={onRetry}>
        {t.words.retry}
      </button>
    </div>
  );
}

interface Read {
  isRefetchError: boolean;
  dataUpdatedAt: number;
  refetch: () => unknown;
}

/** The same of a query, where its last refresh failed. A lost connection is said by the page itself. */
export function Lost({ query }: { query: Read }) {
  const gone = useConnection().status === "reconnecting";
  if (!query.isRefetchError || gone) return null;
  return <LostNote readAt={query.dataUpdatedAt} onRetry={() => void query.refetch()} />;
}

interface PartRead {
  isError: boolean;
  data: unknown;
  refetch: () => unknown;
}

/** One line in place of a part of a page that could not be read at all; nothing where it was. */
export function PartFailed({ query, title }: { query: PartRead; title: string }) {
  if (!query.isError || query.data !== undefined) return null;
  return (
    <p role="alert" className="flex flex-wrap items-center gap-x-3 gap-y-1 text-failed-text">
      {title}
      <Button size="small" onClick={() => void query.refetch()}>
        {t.words.retry}
      </Button>
    </p>
  );
}

const Doubt = createContext(false);

/** What stands within may no longer be so, while `when`: its last refresh failed. */
export function Doubtful({ when, children }: { when: boolean; children: ReactNode }) {
  return <Doubt.Provider value={when}>{children}</Doubt.Provider>;
}

/** Whether what is shown may no longer be so: the stream was lost, or a refresh failed. */
export function useUnsure(): boolean {
  const doubt = useContext(Doubt);
  return useConnection().status === "reconnecting" || doubt;
}

/** "last update 42 s ago", shown only while the page may be out of date. */
export function StaleNote() {
  const { status, heardAt } = useConnection();
  const now = useServerNow();
  if (status !== "reconnecting") return null;
  void now;
  return (
    <p
      role="status"
      className="mb-3 rounded-control bg-warning-soft px-3 py-1.5 text-small text-warning-text"
    >
      {heardAt === null
        ? t.connection.unheard
        : t.connection.lastUpdate(ago(new Date(heardAt).toISOString(), Date.now()))}
    </p>
  );
}
