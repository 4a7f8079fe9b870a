/** Alerts: what is on, what is over, times of quiet, who is told, and what is watched. */

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import {
  type AlertState,
  alertRulesQuery,
  alertsQuery,
  MOST_ALERTS,
  silencesQuery,
} from "@/api/alerts";
import { data } from "@/api/client";
import { endSilence, type Silence } from "@/api/gen";
import { useMay } from "@/api/rights";
import { Button } from "@/components/button";
import { Card, PageHead } from "@/components/card";
import { BareSelect } from "@/components/field";
import { count, dateTime } from "@/components/format";
import {
  Doubtful,
  Empty,
  ErrorCard,
  Lost,
  PartFailed,
  SkeletonRows,
  StaleNote,
  useUnsure,
} from "@/components/states";
import { alertWords as w } from "@/strings/alerts";
import { AlertCard } from "./alert-card";
import { byUrgency } from "./order";
import { Receivers } from "./receivers";
import { SilenceDialog } from "./silence-dialog";
import { useAlertAction } from "./use-alert-action";

function List({ state }: { state: AlertState }) {
  const query = useQuery(alertsQuery(state));
  const unsure = useUnsure() || query.isRefetchError;
  if (query.isError && !query.data)
    return <ErrorCard error={query.error} title={w.failed} onRetry={() => void query.refetch()} />;
  if (!query.data)
    return (
      <Card>
        <SkeletonRows />
      </Card>
    );
  if (query.data.length === 0)
    return (
      <Card>
        {unsure ? (
          <Empty title={w.nothingKnown} why={w.nothingKnownWhy} />
        ) : state === "active" ? (
          <Empty title={w.nothing} why={w.nothingWhy} />
        ) : (
          <Empty title={w.noPast} why={w.noPastWhy} />
        )}
      </Card>
    );
  const shown = state === "active" ? byUrgency(query.data) : query.data;
  return (
    <Doubtful when={query.isRefetchError}>
      <div className="space-y-3">
        <Lost query={query} />
        {shown.map((alert) => (
          <AlertCard key={alert.id} alert={alert} />
        ))}
        {query.data.length >= MOST_ALERTS ? (
          <p className="text-small text-muted">{w.most(count(MOST_ALERTS))}</p>
        ) : null}
      </div>
    </Doubtful>
  );
}

function SilenceRow({ one, mayEnd }: { one: Silence; mayEnd: boolean }) {
  const rules = useQuery(alertRulesQuery).data ?? [];
  const about = rules.find((rule) => rule.name === one.rule)?.about ?? one.rule;
  const { busy, attempt } = useAlertAction();
  const end = () => data<unknown>(endSilence({ path: { silence_id: one.id } }));
  return (
    <li className="flex flex-wrap items-center gap-x-3 gap-y-1 border-t border-line px-4 py-2.5">
      <span className="font-[520] [overflow-wrap:anywhere]">{w.of(about, one.subject)}</span>
      <span className="min-w-0 break-words text-muted">{one.reason}</span>
      <span className="text-small text-muted">{w.by(one.created_by, dateTime(one.ends_at))}</span>
      {mayEnd ? (
        <Button
          size="small"
          className="ml-auto"
          disabled={busy}
          onClick={() => void attempt(end, w.ended)}
        >
          {w.endSilence}
        </Button>
      ) : null}
    </li>
  );
}

function Silences({ mayEnd }: { mayEnd: boolean }) {
  const query = useQuery(silencesQuery);
  const silences = query.data ?? [];
  if (query.isError && !query.data) return <PartFailed query={query} title={w.silencesFailed} />;
  if (silences.length === 0) return null;
  return (
    <Card label={w.silences}>
      <h2 className="px-4 py-3">{w.silences}</h2>
      <Lost query={query} />
      <ul>
        {silences.map((one) => (
          <SilenceRow key={one.id} one={one} mayEnd={mayEnd} />
        ))}
      </ul>
    </Card>
  );
}

function Watched() {
  const query = useQuery(alertRulesQuery);
  const rules = query.data ?? [];
  if (query.isError && !query.data) return <PartFailed query={query} title={w.watchedFailed} />;
  return (
    <details className="rounded-card border border-line bg-surface">
      <summary className="cursor-pointer px-4 py-3 font-[520]">{w.watched}</summary>
      <ul className="grid gap-x-6 border-t border-line px-4 py-2 md:grid-cols-2">
        {rules.map((rule) => (
          <li key={rule.name} className="flex justify-between gap-3 py-1">
            <span>{rule.about}</span>
            <span className="text-small whitespace-nowrap text-muted">
              {w.after(rule.hold_seconds)}
            </span>
          </li>
        ))}
      </ul>
    </details>
  );
}

export function AlertsPage() {
  const [state, setState] = useState<AlertState>("active");
  const [silencing, setSilencing] = useState(false);
  const mayOperate = useMay("operate");
  const actions = (
    <>
      <BareSelect
        aria-label={w.state}
        value={state}
        onChange={(event) => setState(event.target.value as AlertState)}
      >
        <option value="active">{w.states.active}</option>
        <option value="resolved">{w.states.resolved}</option>
      </BareSelect>
      {mayOperate ? <Button onClick={() => setSilencing(true)}>{w.silenceAll}</Button> : null}
    </>
  );
  return (
    <>
      <PageHead title={w.title} actions={actions} below={<p className="text-muted">{w.lead}</p>} />
      <StaleNote />
      <div className="space-y-4">
        <List state={state} />
        <Silences mayEnd={mayOperate} />
        <Receivers />
        <Watched />
      </div>
      <SilenceDialog open={silencing} onClose={() => setSilencing(false)} about={null} />
    </>
  );
}
