/** The log viewer: follows the tail until one scrolls up; only the lines in view are drawn. */

import { useVirtualizer } from "@tanstack/react-virtual";
import { Download } from "lucide-react";
import { memo, useDeferredValue, useEffect, useMemo, useRef, useState } from "react";
import type { LogLine } from "@/api/types";
import { Button } from "@/components/button";
import { CopyButton } from "@/components/copy";
import { BareInput } from "@/components/field";
import { clockTime, count } from "@/components/format";
import { Empty, ErrorCard, SkeletonRows } from "@/components/states";
import { t } from "@/strings";
import { plain, type Span, spans } from "./ansi";
import { useLog } from "./use-log";

const LINE_PX = 18;
/** This close to the end counts as being at the end. */
const END_PX = 30;
const COLOURS = [
  "text-muted",
  "text-failed-text",
  "text-ready-text",
  "text-warning-text",
  "text-working-text",
  "text-data-4",
  "text-data-2",
  "",
];

function classOf(span: Span): string {
  const colour = span.colour === null ? "" : COLOURS[span.colour];
  return `${colour} ${span.bold ? "font-[600]" : ""} ${span.dim ? "text-muted" : ""}`;
}

const Line = memo(function Line({ line, mixed }: { line: LogLine; mixed: boolean }) {
  return (
    <>
      <span className="mr-3.5 text-muted select-none">{clockTime(line.at)}</span>
      {mixed ? (
        <span className="mr-3.5 text-working-text select-none">{line.replica.slice(0, 6)}</span>
      ) : null}
      {spans(line.text).map((span, n) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: spans of an unchanging line
        <span key={n} className={classOf(span)}>
          {span.text}
        </span>
      ))}
    </>
  );
});

function asText(lines: readonly LogLine[]): string {
  return lines.map((l) => `${l.at} ${plain(l.text)}`).join("\n");
}

function download(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = `${name}.log`;
  link.click();
  URL.revokeObjectURL(url);
}

function useFiltered(lines: readonly LogLine[], q: string): readonly LogLine[] {
  const deferred = useDeferredValue(q.trim().toLowerCase());
  return useMemo(
    () => (deferred ? lines.filter((l) => plain(l.text).toLowerCase().includes(deferred)) : lines),
    [lines, deferred],
  );
}

interface BodyProps {
  lines: readonly LogLine[];
  follow: boolean;
  onFollow: (follow: boolean) => void;
}

function Body({ lines, follow, onFollow }: BodyProps) {
  const box = useRef<HTMLDivElement>(null);
  const mixed = useMemo(() => new Set(lines.map((l) => l.replica)).size > 1, [lines]);
  const virtual = useVirtualizer({
    count: lines.length,
    getScrollElement: () => box.current,
    estimateSize: () => LINE_PX,
    overscan: 20,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: every new line moves the end
  useEffect(() => {
    if (follow && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [follow, lines]);
  return (
    <div
      ref={box}
      role="log"
      aria-label={t.logs.label}
      aria-live="off"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
      tabIndex={0}
      onScroll={(event) => {
        const { scrollTop, scrollHeight, clientHeight } = event.currentTarget;
        onFollow(scrollHeight - scrollTop - clientHeight < END_PX);
      }}
      className="h-[max(300px,calc(100vh-440px))] overflow-auto py-2 font-mono text-small"
    >
      <div className="relative min-w-max" style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map((item) => {
          const line = lines[item.index];
          return line ? (
            <div
              key={item.key}
              className="absolute left-0 h-4.5 px-3 whitespace-pre"
              style={{ transform: `translateY(${item.start}px)` }}
            >
              <Line line={line} mixed={mixed} />
            </div>
          ) : null;
        })}
      </div>
    </div>
  );
}

export function LogView({ name }: { name: string }) {
  const log = useLog(name);
  const [q, setQ] = useState("");
  const [follow, setFollow] = useState(true);
  const shown = useFiltered(log.lines, q);
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
          <Button size="small" onClick={() => download(name, asText(shown))}>
            <Download size={13} aria-hidden />
            {t.logs.download}
          </Button>
        </span>
      </div>
      {!log.loaded && log.lines.length === 0 ? (
        <SkeletonRows rows={8} />
      ) : log.lines.length === 0 ? (
        <Empty title={t.logs.empty} why={t.logs.emptyWhy} />
      ) : shown.length === 0 ? (
        <p className="px-4 py-8 text-center text-muted">{t.logs.noMatch}</p>
      ) : (
        <Body lines={shown} follow={follow} onFollow={setFollow} />
      )}
    </section>
  );
}
