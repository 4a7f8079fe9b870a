/** What happened lately, newest first. */

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { operationsQuery } from "@/api/queries";
import { Ago } from "@/components/ago";
import { Card } from "@/components/card";
import { Dot } from "@/components/chip";
import type { Tone } from "@/components/format";
import { Lost, PartFailed } from "@/components/states";
import { t } from "@/strings";

const SHOWN = 7;
const TONES: Record<string, Tone> = {
  pending: "working",
  running: "working",
  succeeded: "ready",
  failed: "failed",
};

export function Recent() {
  const query = useQuery(operationsQuery);
  const { data } = query;
  const shown = (data ?? []).slice(0, SHOWN);
  return (
    <Card className="px-4 py-3.5">
      <h2 className="mb-2">{t.operations.recent}</h2>
      <PartFailed query={query} title={t.operations.failed} />
      <Lost query={query} />
      {data && shown.length === 0 ? <p className="text-muted">{t.operations.nothing}</p> : null}
      <ul className="space-y-2">
        {shown.map((o) => (
          <li key={o.id} className="flex items-center gap-2.5">
            <Dot tone={TONES[o.status] ?? "idle"} busy={o.status === "running"} />
            <span
              className="min-w-0 flex-1 truncate"
              title={o.error?.detail ?? o.message ?? undefined}
            >
              <Link
                to="/deployments/$name"
                params={{ name: o.subject }}
                className="hover:underline"
              >
                {t.operations.line(o.kind, o.subject)}
              </Link>
              <span className="text-muted">
                , {t.operations.status[o.status] ?? o.status}
                {o.error ? `: ${o.error.detail}` : ""}
              </span>
            </span>
            <span className="shrink-0 text-muted">
              <Ago at={o.updated_at} bare />
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}
