/** What every log view shares: a toolbar, and lines in each of their states. */

import { Download } from "lucide-react";
import type { ReactNode } from "react";
import { Button, buttonClass } from "@/components/button";
import { CopyButton } from "@/components/copy";
import { count } from "@/components/format";
import { ErrorCard, LostNote, SkeletonRows } from "@/components/states";
import { t } from "@/strings";
import { LineBox } from "./line-box";

/** A log as far as it was read. */
export interface ReadLog {
  loaded: boolean;
  /** Of the last reading, or of that of older lines. */
  error: unknown;
  hasOlder: boolean;
  loadOlder: () => Promise<void>;
  retry: () => void;
}

interface Props<T> {
  label: string;
  /** When it can't be read at all. */
  failed: string;
  /** What is looked for: stays as it is while other lines are read. */
  filters: ReactNode;
  notes?: ReactNode;
  log: ReadLog;
  /** How many lines are held; a line may be drawn in several rows. */
  held: number;
  rows: readonly T[];
  keyOf: (row: T) => string;
  empty: ReactNode;
  follow: boolean;
  onFollow: (follow: boolean) => void;
  copy: () => string;
  /** Where the browser fetches the same as a file. */
  file: string;
  height: string;
  children: (row: T) => ReactNode;
}

type ToolProps = Pick<Props<unknown>, "log" | "follow" | "onFollow" | "copy" | "file">;

function Tools({ log, follow, onFollow, copy, file }: ToolProps) {
  const older = () => {
    onFollow(false);
    void log.loadOlder();
  };
  return (
    <span className="ml-auto flex flex-wrap gap-2">
      {log.hasOlder ? (
        <Button size="small" onClick={older}>
          {t.logs.older}
        </Button>
      ) : null}
      <Button
        size="small"
        kind={follow ? "ghost" : "plain"}
        aria-pressed={follow}
        onClick={() => onFollow(!follow)}
      >
        {follow ? t.logs.following : t.logs.follow}
      </Button>
      <CopyButton text={copy} />
      <a href={file} download className={buttonClass("plain", "small")}>
        <Download size={13} aria-hidden />
        {t.logs.download}
      </a>
    </span>
  );
}

function Body<T>(props: Props<T>) {
  const { log, held, rows, empty, label, failed, children, ...box } = props;
  if (log.error && held === 0)
    return (
      <div className="p-3">
        <ErrorCard error={log.error} title={failed} onRetry={log.retry} />
      </div>
    );
  if (!log.loaded && held === 0) return <SkeletonRows rows={12} />;
  return (
    <>
      {log.error ? (
        <div className="px-3 pt-3">
          <LostNote onRetry={log.retry} />
        </div>
      ) : null}
      {rows.length === 0 ? (
        empty
      ) : (
        <LineBox
          label={label}
          lines={rows}
          keyOf={box.keyOf}
          follow={box.follow}
          onFollow={box.onFollow}
          height={box.height}
        >
          {children}
        </LineBox>
      )}
    </>
  );
}

export function LogFrame<T>(props: Props<T>) {
  return (
    <section className="overflow-hidden rounded-card border border-line bg-sunken">
      <div className="flex flex-wrap items-center gap-2 border-b border-line p-2">
        {props.filters}
        <span className="text-small text-muted">{t.logs.lines(count(props.held))}</span>
        <Tools {...props} />
      </div>
      {props.notes}
      <Body {...props} />
    </section>
  );
}
