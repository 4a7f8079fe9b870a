/** The operations tray: what is going on, and what went on, on every page. */

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { History } from "lucide-react";
import { operationsQuery } from "@/api/queries";
import type { Operation } from "@/api/types";
import { Ago } from "@/components/ago";
import { Dot } from "@/components/chip";
import type { Tone } from "@/components/format";
import { Popover } from "@/components/menu";
import { usePolling } from "@/realtime/provider";
import { t } from "@/strings";

const SHOWN = 12;
const TONES: Record<string, Tone> = {
  pending: "working",
  running: "working",
  succeeded: "ready",
  failed: "failed",
  cancelled: "idle",
};

export function isActive(o: Operation): boolean {
  return o.status === "pending" || o.status === "running";
}

function Line({ operation: o }: { operation: Operation }) {
  const detail = o.error?.detail ?? o.message;
  return (
    <li className="flex gap-2.5 rounded-[6px] px-2 py-1.5">
      <span className="flex h-5 items-center">
        <Dot tone={TONES[o.status] ?? "idle"} busy={isActive(o)} />
      </span>
      <div className="min-w-0 flex-1">
        <div className="flex justify-between gap-3">
          <Subject operation={o} />
          <span className="shrink-0 text-small text-muted">
            {t.operations.status[o.status] ?? o.status} ·{" "}
            <Ago at={o.finished_at ?? o.created_at} bare />
          </span>
        </div>
        {detail ? <p className="line-clamp-2 text-small text-muted">{detail}</p> : null}
        {isActive(o) ? <Bar progress={o.progress ?? null} /> : null}
      </div>
    </li>
  );
}

function Subject({ operation: o }: { operation: Operation }) {
  const words = t.operations.line(o.kind, o.subject);
  const look = "truncate hover:underline";
  if (o.kind.startsWith("deployment."))
    return (
      <Link to="/deployments/$name" params={{ name: o.subject }} className={look}>
        {words}
      </Link>
    );
  return (
    <Link to={o.kind === "model.download" ? "/downloads" : "/library"} className={look}>
      {words}
    </Link>
  );
}

function Bar({ progress }: { progress: number | null }) {
  return (
    <div className="mt-1.5 h-1 overflow-hidden rounded-full bg-working-soft">
      {progress == null ? (
        <div className="sweep h-full w-2/5 rounded-full bg-working" />
      ) : (
        <div
          className="h-full rounded-full bg-working transition-[width] duration-300"
          style={{ width: `${Math.round(progress * 100)}%` }}
        />
      )}
    </div>
  );
}

export function OperationsTray() {
  const { data } = useQuery({ ...operationsQuery, refetchInterval: usePolling() });
  const all = data ?? [];
  const active = all.filter(isActive);
  const shown = [...active, ...all.filter((o) => !isActive(o))].slice(0, SHOWN);
  return (
    <Popover
      label={t.operations.title}
      trigger={
        <button
          type="button"
          className="flex h-7.5 items-center gap-1.5 rounded-control px-2 text-muted hover:bg-sunken hover:text-text"
        >
          {active.length > 0 ? <Dot tone="working" busy /> : null}
          <span className="max-sm:sr-only">
            {active.length > 0 ? t.operations.count(active.length) : t.operations.idle}
          </span>
          <span aria-hidden="true" className="sm:hidden">
            {active.length > 0 ? active.length : <History size={15} />}
          </span>
        </button>
      }
    >
      <p className="px-2 pt-1.5 pb-1 font-[600]">{t.operations.title}</p>
      {shown.length === 0 ? (
        <p className="px-2 pb-2 text-muted">{t.operations.empty}</p>
      ) : (
        <ul className="max-h-[60vh] overflow-y-auto">
          {shown.map((o) => (
            <Line key={o.id} operation={o} />
          ))}
        </ul>
      )}
    </Popover>
  );
}
