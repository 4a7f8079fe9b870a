/** The audit log: who did what to what, when, from where, and with what result. */

import { useInfiniteQuery } from "@tanstack/react-query";
import { type ChangeEvent, useDeferredValue, useState } from "react";
import { toast } from "sonner";
import { type AuditFilter, auditQuery } from "@/api/access";
import { data } from "@/api/client";
import { type AuditEntry, verifyAudit } from "@/api/gen";
import { Button } from "@/components/button";
import { Card, PageHead } from "@/components/card";
import { Chip } from "@/components/chip";
import { BareInput } from "@/components/field";
import { count, dateTime, type Tone } from "@/components/format";
import { ErrorCard, Lost, SkeletonRows, StaleNote } from "@/components/states";
import { audit as w } from "@/strings/access";
import { cell, Table } from "./parts";
import { useAccessAction } from "./use-access-action";

const TONES: Record<AuditEntry["outcome"], Tone> = {
  done: "ready",
  refused: "warning",
  failed: "failed",
  unknown: "idle",
};

const COLUMNS = [
  { label: w.columns.at },
  { label: w.columns.actor },
  { label: w.columns.action },
  { label: w.columns.subject, hide: "md" as const },
  { label: w.columns.address, hide: "lg" as const },
  { label: w.columns.outcome },
];

/** `revokeKey` as people read it: `revoke key`. */
export function actionWords(action: string): string {
  return action.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

function Row({ entry, unsure }: { entry: AuditEntry; unsure: boolean }) {
  return (
    <tr className={`align-top ${unsure ? "text-muted" : ""}`}>
      <td className={cell(undefined, "text-muted sm:whitespace-nowrap")}>{dateTime(entry.at)}</td>
      <td
        className={cell(undefined, "max-w-40 truncate font-[520]")}
        title={entry.actor ?? undefined}
      >
        {entry.actor ?? w.somebody}
      </td>
      <td className={cell()}>
        {actionWords(entry.action)}
        {entry.fields.length > 0 ? (
          <span className="block text-small text-muted max-md:hidden">
            {w.fields(entry.fields.join(", "))}
          </span>
        ) : null}
      </td>
      <td className={cell("md", "font-mono text-small break-all")}>{entry.subject ?? "–"}</td>
      <td className={cell("lg", "text-muted")}>{entry.address ?? "–"}</td>
      <td className={cell()}>
        <Chip tone={TONES[entry.outcome]}>{w.outcomes[entry.outcome]}</Chip>
        {entry.code ? <span className="block text-small text-muted">{entry.code}</span> : null}
      </td>
    </tr>
  );
}

function Actions() {
  const { busy, attempt } = useAccessAction();
  const verify = async () => {
    const report = await attempt(() => data(verifyAudit()));
    if (!report) return;
    if (report.ok) toast(w.verified(count(report.entries)));
    else
      toast.error(w.broken(report.broken_at ?? 0), {
        description: report.reason,
        duration: Number.POSITIVE_INFINITY,
      });
  };
  return (
    <>
      <Button onClick={() => window.location.assign("/api/v1/audit/export")}>{w.export}</Button>
      <Button disabled={busy} onClick={() => void verify()}>
        {w.verify}
      </Button>
    </>
  );
}

const NOTHING = { actor: "", action: "", subject: "", from: "", to: "" };
type Typed = typeof NOTHING;

/** `revoke key` as the log writes it: `revokeKey`. */
export function actionName(words: string): string {
  return words.trim().replace(/\s+(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** Days are whole, of the browser's own time: the last one counts too. */
export function filterOf({ actor, action, subject, from, to }: Typed): AuditFilter {
  const start = from ? new Date(`${from}T00:00`) : null;
  const end = to ? new Date(`${to}T00:00`) : null;
  end?.setDate(end.getDate() + 1);
  return {
    ...(actor.trim() ? { actor: actor.trim() } : {}),
    ...(action.trim() ? { action: actionName(action) } : {}),
    ...(subject.trim() ? { subject: subject.trim() } : {}),
    ...(start ? { from: start.toISOString() } : {}),
    ...(end ? { to: end.toISOString() } : {}),
  };
}

function Filters({ typed, onTyped }: { typed: Typed; onTyped: (typed: Typed) => void }) {
  const fields = [
    ["actor", w.filter, "search"],
    ["action", w.action, "search"],
    ["subject", w.subject, "search"],
  ] as const;
  const days = [
    ["from", w.from],
    ["to", w.to],
  ] as const;
  const set = (name: keyof Typed) => (event: ChangeEvent<HTMLInputElement>) =>
    onTyped({ ...typed, [name]: event.target.value });
  return (
    <search className="mb-3 flex flex-wrap gap-2">
      {fields.map(([name, label, type]) => (
        <BareInput
          key={name}
          {...(name === "actor" ? { "data-filter": true } : {})}
          type={type}
          aria-label={label}
          placeholder={label}
          value={typed[name]}
          onChange={set(name)}
          className="min-w-34 flex-1 sm:max-w-50"
        />
      ))}
      {days.map(([name, label]) => (
        <span key={name} className="flex items-center gap-1.5 text-small text-muted">
          <label htmlFor={name}>{label}</label>
          <BareInput id={name} type="date" value={typed[name]} onChange={set(name)} />
        </span>
      ))}
    </search>
  );
}

export function AuditPage() {
  const [typed, setTyped] = useState(NOTHING);
  const wanted = useDeferredValue(typed);
  const query = useInfiniteQuery(auditQuery(filterOf(wanted)));
  const unsure = query.isPlaceholderData || query.isRefetchError;
  const entries = query.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <>
      <PageHead
        title={w.title}
        actions={<Actions />}
        below={<p className="text-muted">{w.lead}</p>}
      />
      <StaleNote />
      <Lost query={query} />
      <Filters typed={typed} onTyped={setTyped} />
      {query.isError && !query.data ? (
        <ErrorCard error={query.error} title={w.failed} onRetry={() => void query.refetch()} />
      ) : !query.data ? (
        <Card>
          <SkeletonRows />
        </Card>
      ) : entries.length === 0 ? (
        <p className="text-muted">{w.none}</p>
      ) : (
        <Table columns={COLUMNS}>
          {entries.map((entry) => (
            <Row key={entry.seq} entry={entry} unsure={unsure} />
          ))}
        </Table>
      )}
      {query.hasNextPage ? (
        <div className="mt-3 text-center">
          <Button disabled={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
            {w.more}
          </Button>
        </div>
      ) : null}
    </>
  );
}
