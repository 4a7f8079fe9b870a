/** What every view can be besides full: empty, loading for the first time, failed, stale. */

import type { ReactNode } from "react";
import { describeProblem, toProblem } from "@/api/problem";
import { useConnection, useServerNow } from "@/realtime/provider";
import { t } from "@/strings";
import { Button } from "./button";
import { Card } from "./card";
import { CopyButton } from "./copy";
import { ago } from "./format";
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

/** Whether what is shown may no longer be so: the stream was lost and has not come back. */
export function useUnsure(): boolean {
  return useConnection().status === "reconnecting";
}

/** "last update 42 s ago", shown only while the page may be out of date. */
export function StaleNote() {
  const { status, heardAt } = useConnection();
  const now = useServerNow();
  if (status !== "reconnecting" || heardAt === null) return null;
  void now;
  return (
    <p
      role="status"
      className="mb-3 rounded-control bg-warning-soft px-3 py-1.5 text-small text-warning-text"
    >
      {t.connection.lastUpdate(ago(new Date(heardAt).toISOString(), Date.now()))}
    </p>
  );
}
