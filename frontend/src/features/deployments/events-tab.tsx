/** A deployment's history: phases, changes and errors, newest first. */

import { useQuery } from "@tanstack/react-query";
import { eventsQuery } from "@/api/queries";
import type { DeploymentEvent } from "@/api/types";
import { Card } from "@/components/card";
import { Dot } from "@/components/chip";
import { dateTime, type Tone, toneOf } from "@/components/format";
import { Empty, ErrorCard, Lost, SkeletonRows } from "@/components/states";
import { usePolling } from "@/realtime/provider";
import { t } from "@/strings";

function toneOfEvent(e: DeploymentEvent): Tone {
  if (e.kind === "error") return "failed";
  return e.phase ? toneOf(e.phase) : "idle";
}

function EventLine({ event: e }: { event: DeploymentEvent }) {
  return (
    <li className="flex gap-3 border-t border-line px-4 py-2 first:border-0">
      <span className="flex h-5 items-center">
        <Dot tone={toneOfEvent(e)} />
      </span>
      <div className="min-w-0 flex-1">
        <p className="break-words">{e.message}</p>
        {e.problem && e.problem.detail !== e.message ? (
          <p className="break-words text-muted">{e.problem.detail}</p>
        ) : null}
        {(e.problem?.causes ?? []).map((c) =>
          c.evidence ? (
            <code key={c.evidence} className="block font-mono text-small break-words text-muted">
              {c.evidence}
            </code>
          ) : null,
        )}
      </div>
      <time dateTime={e.at} className="shrink-0 text-small text-muted">
        {dateTime(e.at)}
      </time>
    </li>
  );
}

export function EventsTab({ name }: { name: string }) {
  const query = useQuery({ ...eventsQuery(name), refetchInterval: usePolling() });
  if (query.isError && !query.data) {
    return (
      <ErrorCard error={query.error} title={t.events.failed} onRetry={() => void query.refetch()} />
    );
  }
  if (!query.data) {
    return (
      <Card>
        <SkeletonRows rows={4} />
      </Card>
    );
  }
  const newestFirst = [...query.data].sort((a, b) => b.at.localeCompare(a.at));
  return (
    <Card>
      <Lost query={query} />
      {newestFirst.length === 0 ? (
        <Empty title={t.events.emptyTitle} why={t.events.emptyWhy} />
      ) : (
        <ul>
          {newestFirst.map((e) => (
            <EventLine key={e.id} event={e} />
          ))}
        </ul>
      )}
    </Card>
  );
}
