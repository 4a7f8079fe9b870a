/** Downloads: what comes, how fast, what it waits for, and the ways to hold or hasten it. */

import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { toast } from "sonner";
import { data } from "@/api/client";
import {
  cancelDownload,
  changeDownload,
  type Download,
  pauseDownload,
  resumeDownload,
  retryDownload,
} from "@/api/gen";
import { downloadFilesQuery, downloadsQuery, modelKeys } from "@/api/models";
import { addNotice } from "@/api/notices";
import { toProblem } from "@/api/problem";
import { useMay } from "@/api/rights";
import { Ago } from "@/components/ago";
import { Button, buttonClass } from "@/components/button";
import { Card, PageHead } from "@/components/card";
import { Chip } from "@/components/chip";
import { bytes, count } from "@/components/format";
import { Prose } from "@/components/prose";
import {
  Doubtful,
  Empty,
  ErrorCard,
  Lost,
  SkeletonRows,
  StaleNote,
  useUnsure,
} from "@/components/states";
import { usePolling } from "@/realtime/provider";
import { m } from "@/strings/models";
import { paceOf, shareOf, toneOf, type Verb, verbsOf } from "./pace";

const w = m.downloads;
const CALLS = {
  pause: pauseDownload,
  resume: resumeDownload,
  cancel: cancelDownload,
  retry: retryDownload,
};

function useDownloadAction(download: Download) {
  const client = useQueryClient();
  const [busy, setBusy] = useState(false);
  const attempt = async (verb: string, call: () => Promise<unknown>) => {
    setBusy(true);
    try {
      await call();
    } catch (error) {
      const problem = toProblem(error);
      const title = w.refused(verb, download.repo);
      toast.error(title, { description: problem.detail });
      if (problem.status !== 401) addNotice(title, problem, null);
    } finally {
      setBusy(false);
      void client.invalidateQueries({ queryKey: modelKeys.downloads });
    }
  };
  const path = { download_id: download.id };
  return {
    busy,
    act: (verb: Verb) => attempt(verb, () => data<unknown>(CALLS[verb]({ path }))),
    hasten: () =>
      attempt("move", () =>
        data(changeDownload({ path, body: { priority: Math.min(100, download.priority + 10) } })),
      ),
  };
}

function Files({ download, isOver }: { download: Download; isOver: boolean }) {
  const query = useInfiniteQuery(downloadFilesQuery(download.id, isOver));
  const files = query.data?.pages.flatMap((page) => page.items);
  if (query.isError && !files)
    return <ErrorCard error={query.error} onRetry={() => void query.refetch()} />;
  if (!files) return <SkeletonRows rows={2} />;
  if (files.length === 0) return <p className="mt-2 text-small text-muted">{w.noFiles}</p>;
  const hidden = download.files_total == null ? null : download.files_total - files.length;
  return (
    <ul className="mt-2 max-h-60 overflow-y-auto text-small">
      {files.map((file) => (
        <li key={file.path} className="flex gap-3 border-t border-line py-1">
          <span className="min-w-0 flex-1 font-mono break-all">{file.path}</span>
          <span className="figures text-right text-muted max-sm:w-20 sm:shrink-0">
            {w.of(bytes(file.bytes_done), bytes(file.size_bytes))}
          </span>
          <span className="w-16 shrink-0 text-right text-muted">{w.fileStates[file.state]}</span>
        </li>
      ))}
      {query.hasNextPage ? (
        <li className="border-t border-line py-2">
          <Button
            size="small"
            disabled={query.isFetchingNextPage}
            onClick={() => void query.fetchNextPage()}
          >
            {w.moreFiles(count(hidden))}
          </Button>
        </li>
      ) : null}
    </ul>
  );
}

function Bar({ share, tone }: { share: number | null; tone: string }) {
  return (
    <div
      role="progressbar"
      aria-label={w.progress}
      aria-valuemin={0}
      aria-valuemax={100}
      {...(share === null ? {} : { "aria-valuenow": Math.round(share * 1000) / 10 })}
      className="mt-2 h-1.5 overflow-hidden rounded-full bg-sunken"
    >
      {share === null ? (
        <div className={`sweep h-full w-2/5 rounded-full ${tone}`} />
      ) : (
        <div
          className={`h-full rounded-full transition-[width] duration-300 ${tone}`}
          style={{ width: `${(share * 100).toFixed(1)}%` }}
        />
      )}
    </div>
  );
}

const BAR = {
  ready: "bg-ready",
  working: "bg-working",
  warning: "bg-warning",
  failed: "bg-failed",
  idle: "bg-faint",
} as const;

function Item({ download: d }: { download: Download }) {
  const [open, setOpen] = useState(false);
  const unsure = useUnsure();
  const { busy, act, hasten } = useDownloadAction(d);
  const mayOperate = useMay("operate");
  const tone = unsure ? "idle" : toneOf(d);
  const over = ["succeeded", "cancelled"].includes(d.state);
  return (
    <li className="border-t border-line px-4 py-3 first:border-t-0">
      <div className="flex flex-wrap items-center gap-2">
        <Link
          to="/hub/$"
          params={{ _splat: d.repo }}
          className="min-w-0 truncate font-[520] hover:underline"
        >
          {d.repo}
        </Link>
        <Chip tone={tone} busy={tone === "working"}>
          {d.stalled ? w.stalled : w.states[d.state]}
        </Chip>
        <span className="figures text-small text-muted">{paceOf(d)}</span>
        <span className="ml-auto flex flex-wrap gap-2">
          {d.state === "queued" && mayOperate ? (
            <Button size="small" disabled={busy} onClick={() => void hasten()}>
              {w.first}
            </Button>
          ) : null}
          {(mayOperate ? verbsOf(d) : []).map((verb) => (
            <Button key={verb} size="small" disabled={busy} onClick={() => void act(verb)}>
              {w.verbs[verb]}
            </Button>
          ))}
          <Button size="small" aria-expanded={open} onClick={() => setOpen(!open)}>
            {w.showFiles}
          </Button>
        </span>
      </div>
      {over ? null : <Bar share={shareOf(d)} tone={BAR[tone]} />}
      <p className="mt-1 text-small text-muted">
        {d.revision} · {w.files(count(d.files_done), count(d.files_total))} ·{" "}
        {d.created_by ? `${w.asked} ${d.created_by}, ` : ""}
        <Ago at={d.created_at} />
      </p>
      {d.error ? (
        <div role="status" className="mt-1">
          <p className="break-words text-failed-text">
            <Prose text={d.error.detail} />
          </p>
          <ul className="list-disc pl-4.5 text-small text-muted">
            {(d.error.remediation ?? []).map((remedy) => (
              <li key={remedy.label}>
                <Prose text={remedy.label} />
              </li>
            ))}
          </ul>
        </div>
      ) : d.message ? (
        <p className="mt-1 text-small break-words text-muted">{d.message}</p>
      ) : null}
      {open ? <Files download={d} isOver={over} /> : null}
    </li>
  );
}

function FindLink() {
  return (
    <Link to="/models" className={buttonClass("primary")}>
      {w.find}
    </Link>
  );
}

export function DownloadsPage() {
  const query = useQuery({ ...downloadsQuery, refetchInterval: usePolling() });
  return (
    <>
      <PageHead
        title={w.title}
        actions={<FindLink />}
        below={<p className="text-muted">{w.lead}</p>}
        beside
      />
      <StaleNote />
      <Lost query={query} />
      {query.data ? (
        <Card>
          {query.data.length === 0 ? (
            <Empty title={w.emptyTitle} why={w.emptyWhy} action={<FindLink />} />
          ) : (
            <ul>
              <Doubtful when={query.isRefetchError}>
                {query.data.map((download) => (
                  <Item key={download.id} download={download} />
                ))}
              </Doubtful>
            </ul>
          )}
        </Card>
      ) : query.isError ? (
        <ErrorCard error={query.error} title={w.failed} onRetry={() => void query.refetch()} />
      ) : (
        <Card>
          <SkeletonRows rows={3} />
        </Card>
      )}
    </>
  );
}
